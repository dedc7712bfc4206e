"""The first stage of a track: texts are read, cleaned, split, looked at and saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from sentipress.core import cli, files, folder, manifest
from sentipress.core.errors import UserError
from sentipress.data import additions, corpus, corpus_making, grammar, sources, turning
from sentipress.data.cleaning import clean
from sentipress.data.formats import TEXT
from sentipress.data.held_out import HeldOut
from sentipress.data.sentences import Picker, is_passage, passages
from sentipress.data.stored import KEYS, Spool, Table, Texts
from sentipress.data.task import OFFICIAL, RANDOM, TEST_FILE, Split, Task
from sentipress.evaluation import comprehension
from sentipress.text.pieces import PieceTokenizer

DATA_FOLDER = Path("data")  # where a file is looked for that nobody named


@dataclass(frozen=True)
class Reader:
    """The pretrained encoder that will read the texts.

    Attributes:
        tokenizer: its tokenizer, cut at the length of the stage.
        name: of the encoder.
        source: what --encoder named.
        sha256: of its weights.
    """

    tokenizer: PieceTokenizer
    name: str
    source: str
    sha256: str

    def save(self, artifacts: Path) -> dict[str, Any]:
        """Write tokenizer.json; gives what reviews.json says of the encoder."""
        path = artifacts / manifest.TOKENIZER
        self.tokenizer.save(path)
        about = {"name": self.name, "source": self.source, "sha256": self.sha256, "length": self.tokenizer.sequence_length}
        return {**about, "tokenizer_sha256": files.sha256(path)}


def prepare(settings: SimpleNamespace, cleaning: str, next_stage: str, reader: Reader | None = None) -> None:
    """Make the texts of an artifacts folder, which is locked meanwhile, and print what was made.

    Args:
        settings: of the stage. `artifacts`, `data`, `test_data`, `text_column`, `label_column`, `labels`, `recipe`,
            `keep_duplicates`, `split`, `test_share`, `validation_share` and `seed` are needed; without `download`, `unlabelled`,
            `out_of_domain_texts`, `out_of_domain_data`, `sentences`, `passages`, `turned_passages`, `made_sentences`, `more_training`,
            `reading_sets`, `held_out` or `texts` there is none of these.
        cleaning: recipe of `sentipress.data.cleaning`.
        next_stage: script that the last line names.
        reader: of the encoder's track. Then the bundled texts are sentences instead of reviews, tokenizer.json is written,
            and what is looked at is pieces.

    Raises:
        UserError: test texts that two settings name; else see `sentipress.data.sources` and `sentipress.data.corpus`.
    """
    artifacts, asked = Path(settings.artifacts), settings.values.get
    if settings.test_data and settings.split == OFFICIAL:
        raise UserError("--test-data and --split official both name the test texts", "give one of them")
    # A name that is mistyped is said before anything is read.
    more_training = additions.parse(asked("more_training"), "--more-training")
    sets = additions.parse(asked("reading_sets"), "--reading-sets")
    held_out = HeldOut(Path(name.strip()) for name in (asked("held_out") or "").split(",") if name.strip())
    # All texts lie in the spool: the process holds no more of them than a piece.
    with folder.lock(artifacts, settings.stage, create=True), Spool(artifacts) as spool:
        # Read
        if asked("download"):
            sources.download(DATA_FOLDER)
        bundle = sources.SENTENCES if reader else sources.REVIEWS
        given = Path(settings.data) if settings.data else None
        further: dict[str, Collection[Any]] = {"more_training": more_training, "reading_sets": sets, "held_out": held_out.folders}
        corpus.check_source(artifacts, given, further)
        source = None if reader and not given else sources.find(given, DATA_FOLDER)
        columns = (settings.text_column, settings.label_column)
        raw = sources.store(source, *columns, sources.parse_labels(settings.labels), spool, bundle)
        about_source = sources.describe(source, bundle)
        print(f"{len(raw.table):,} texts from {about_source['name']}, labels {', '.join(raw.labels)}")
        if set(raw.spellings) - set(raw.labels):
            print(f"labels as they stand in the file: {', '.join(map(repr, sorted(raw.spellings)))} (--labels keeps names as they are)")
        kind = TEST_FILE if settings.test_data else settings.split
        how = Split(kind, settings.test_share if kind == RANDOM else None, settings.validation_share, settings.seed)
        task = Task(raw.labels, settings.text_column, settings.label_column, how)

        # Which texts are given for testing, if any
        training, test, about_test = raw.table, None, None
        if kind == TEST_FILE:
            test_file = Path(settings.test_data)
            test = sources.store_file(test_file, *columns, raw.labels, spool).table
            test = test.assign(row=test.frame["row"] + len(training))  # rows are numbered on
            about_test = sources.describe(test_file)
        elif kind == OFFICIAL:
            official = sources.official_training(raw.table.texts)
            training, test = raw.table.where(official), raw.table.where(~official)

        # Clean and split
        table, counts = corpus_making.prepare(training, cleaning, settings.keep_duplicates)
        if held_out.folders:
            table, counts["held_out_elsewhere"] = _without(table, raw.table.texts, held_out)
        if asked("texts"):
            left = len(table)
            table = table.sample(settings.texts, settings.seed)
            counts["not_drawn"] = left - len(table)
        if test is None:
            table = table.assign(split=corpus_making.split(table.frame, task))
        else:
            given_test = corpus_making.prepare_test(test, cleaning)
            table, counts["copies_of_test_texts"] = corpus_making.with_test(table, given_test, task)
        pickers = []
        judged = (asked("made_sentences") or asked("turned_passages")) and _in_english(table, task, cleaning)
        made = _made(settings.made_sentences) if judged and asked("made_sentences") else []
        forbidden = _forbidden(table, sets, task)
        if asked("sentences"):
            pickers.append(Picker(settings.sentences, forbidden()))
        if asked("passages"):
            pickers.append(Picker(settings.passages, forbidden(), passages, negated_share=0.0))
        for picker in pickers:
            picker.read(raw.table.texts[_rows(table)[(table.frame["split"] == "train").to_numpy()]])
        table, about_training = _with_more_training(more_training, table, task, cleaning, held_out)
        reading = additions.for_reading(sets, task, cleaning, table.of("train", "validation")) if sets else None
        per_split = {name: int((table.frame["split"] == name).sum()) for name in corpus.SPLITS}

        # Texts without labels, and texts from elsewhere
        unlabelled: tuple[Texts, dict[str, Any]] | None = None
        if asked("unlabelled"):
            more = Path(settings.unlabelled)
            known = table.frame[list(KEYS)]
            if reading:
                known = pd.concat([known, corpus_making.cleaned(spool.add(reading[0]["review"]), cleaning, "clean reading sets")[1]])
            others = sources.store_unlabelled(more, settings.text_column, spool)
            texts, kept, dropped = corpus_making.prepare_unlabelled(others, known, cleaning)
            about_more: dict[str, Any] = {"source": sources.describe(more), "counts": dropped}
            unlabelled = (texts, about_more)
            for picker in pickers:
                picker.read(others[kept])
        out_of_domain, about_elsewhere = _elsewhere(settings, table, task, cleaning)

        # Look
        figures, pictures = _look(table, task, settings, reader, artifacts / "figures")
        by_cleaning = {"cleaning": cleaning} if reader else {}
        files.write_json(artifacts / "eda.json", {"schema": 1, "recipe": settings.recipe, **by_cleaning, **figures})

        # Save
        description = {
            "recipe": settings.recipe,
            **by_cleaning,
            **({"encoder": reader.save(artifacts)} if reader else {}),
            "task": task.as_dict(),
            "source": about_source,
            "test_source": about_test,
            "label_spellings": raw.spellings,
            "counts": counts,
            "splits": per_split,
            **cli.recorded(settings),
            **({"out_of_domain": about_elsewhere} if about_elsewhere else {}),
            **({"more_training": about_training} if about_training else {}),
            **({"held_out": held_out.folders} if held_out.folders else {}),
            "stage": settings.stage,
        }
        cut = [text for picker in pickers for text in picker.picked()]
        turned = _turned(cut, settings.turned_passages) if judged and asked("turned_passages") else []
        picked = [*((text, "") for text in (*cut, *turned)), *made]
        sentences = _cleaned(picked, cleaning, forbidden()) if picked else None
        corpus_making.save(table, unlabelled, out_of_domain, description, artifacts, reading, sentences)

    words, dropped_too = figures["words"]["all"], "kept" if settings.keep_duplicates else "dropped"
    print(
        f"{counts['kept']:,} kept; {counts['duplicates']:,} duplicates {dropped_too}, {counts['empty_after_cleaning']} empty after cleaning"
    )
    if "copies_of_test_texts" in counts:
        print(f"{counts['copies_of_test_texts']:,} training texts dropped since they are test texts too")
    if held_out.folders:
        print(f"{counts['held_out_elsewhere']:,} texts left out that another folder holds out")
    if "not_drawn" in counts:
        print(f"{counts['not_drawn']:,} texts not drawn")
    if unlabelled:
        print(f"{unlabelled[1]['counts']['kept']:,} unlabelled kept; dropped: {_reasons(unlabelled[1]['counts'])}")
    if about_elsewhere:
        kept, name = about_elsewhere["counts"]["kept"], about_elsewhere["source"]["name"]
        print(f"{kept:,} texts of another domain kept from {name}; dropped: {_reasons(about_elsewhere['counts'])}")
    for one in about_training:
        left_out = (
            ", ".join(f"{one[key]:,} {key.replace('_', ' ')}" for key in ("held_out", "edited_of_held_out", "duplicates") if one[key])
            or "none"
        )
        print(f"{one['kept']:,} training texts more from {one['name']}; left out: {left_out}")
    for one in reading[1] if reading else []:
        print(f"{one['kept']:,} texts of {one['name']} tell whether a model reads; {one['known']:,} left out that it learns from")
    if sentences is not None:
        kinds = "training and unlabelled" if unlabelled else "training"
        rule = f"{len(made):,} made and {len(turned):,} turned round by rule"
        print(f"{len(sentences):,} sentences and passages of {kinds} texts to teach students on, with up to {rule}")
    print(", ".join(f"{name} {count:,}" for name, count in per_split.items()))
    print(f"words per text: mean {words['mean']:.1f}, median {words['50%']:.0f}, longest {words['max']:.0f}")
    if reader:
        print(_pieces_in_words(reader, figures["pieces"]))
    written = "reviews.csv, reviews.json, " + ("tokenizer.json, " if reader else "")
    print(f"wrote {artifacts}/{written}eda.json and {len(pictures)} pictures in {artifacts}/figures")
    print(f"next: {manifest.command(next_stage, artifacts)}")


def _rows(table: Table) -> np.ndarray:
    """Source row of each text: int64 (texts,)."""
    return table.frame["row"].to_numpy()


def _without(table: Table, raw: Texts, held_out: HeldOut) -> tuple[Table, int]:
    """The texts that no other folder holds out, and how many it does; `raw` are those of the source."""
    away = np.array([held_out.holds(text) for text in raw[_rows(table)]])
    if away.all():
        raise UserError("every text of --data is held out by a folder of --held-out", "give further texts")
    return table.where(~away), int(away.sum())


def _forbidden(table: Table, sets: Collection[additions.Given], task: Task) -> Callable[[], Iterable[str]]:
    """Gives texts that no sentence to learn on may be: those of validation and test, and those that tell whether a model reads."""
    others = [*(case.text for case in comprehension.cases()), *(text for one in sets for text in additions.read(one, task)["review"])]
    return lambda: chain(table.of("validation", "test"), others)


def _in_english(table: Table, task: Task, cleaning: str) -> bool:
    """Whether the texts are English ones of praise and blame, for which there are rules."""
    return task.is_sentiment and comprehension.english(table.of("train"), cleaning)


def _made(count: int) -> list[tuple[str, str]]:
    """Sentences made by rule with their labels, none of which is nearly a text that tests reading."""
    return [(text, label) for text, label in grammar.made(count) if not comprehension.near(text)]


def _turned(texts: Iterable[str], count: int) -> list[str]:
    """The passages among texts, turned round by rule, so many at most."""
    passages_only = (text for text in texts if is_passage(text))
    return list(islice((found for text in passages_only if (found := turning.turned(text))), count))


def _cleaned(sentences: list[tuple[str, str]], cleaning: str, forbidden: Iterable[str]) -> pd.DataFrame:
    """Sentences, raw and cleaned, with what a rule says of them.

    Left out are those that cleaning empties or makes a forbidden text, and of those made alike all but the first.
    """
    raw, rules = zip(*sentences, strict=True)
    cleaned = pd.Series([clean(sentence, cleaning) for sentence in raw], dtype=TEXT)
    frame = pd.DataFrame({"text": pd.Series(raw, dtype=TEXT), "review": cleaned, "rule": pd.Series(rules, dtype=TEXT)})
    own = set(cleaned)
    forbidden_ones = {found for text in forbidden if (found := clean(text, cleaning)) in own}
    away = frame["review"].isin({"", *forbidden_ones}) | frame["review"].duplicated()
    return frame[~away].reset_index(drop=True)


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[key]:,} {key.replace('_', ' ')}" for key in ("copies_of_labelled", "duplicates", "empty_after_cleaning"))


def _pieces_in_words(reader: Reader, pieces: Mapping[str, Any]) -> str:
    lengths = pieces["lengths"]
    return (
        f"pieces per text ({reader.name}): mean {lengths['mean']:.1f}, median {lengths['50%']:.0f}, longest {lengths['max']:.0f}; "
        f"{pieces['cut_share']:.1%} of the texts are cut at {reader.tokenizer.sequence_length}"
    )


def _with_more_training(
    given: Collection[additions.Given], table: Table, task: Task, cleaning: str, held_out: HeldOut
) -> tuple[Table, list[dict[str, Any]]]:
    """The texts with those of further files behind them, all of these for training, and what was counted of each file.

    What other folders hold out is left out too, and so is what is nearly a text that tells whether a model reads.
    """
    if not given:
        return table, []

    def away(text: str) -> bool:
        return comprehension.near(text) or held_out.holds(text)

    known = zip(_rows(table)[(table.frame["split"] == "train").to_numpy()].tolist(), table.of("train"), strict=True)
    first_row = int(table.frame["row"].max()) + 1  # rows are numbered on
    more, counted = additions.for_training(given, task, cleaning, table.of("validation", "test"), known, first_row, away)
    further = Table.stored(more.assign(split="train"), table.texts.spool)
    return table.joined(corpus_making.keyed(further)), counted


def _elsewhere(settings: SimpleNamespace, table: Table, task: Task, cleaning: str) -> tuple[Table | None, dict[str, Any] | None]:
    """Cleaned texts of another domain, if there are any, and of a file of the user's what is to be known of them."""
    asked, spool = settings.values.get, table.texts.spool
    if asked("out_of_domain_data"):
        path = Path(settings.out_of_domain_data)
        raw = sources.store_file(path, settings.text_column, settings.label_column, task.labels, spool).table
        if asked("out_of_domain_sample"):
            raw = raw.sample(settings.out_of_domain_sample, settings.seed)
        kept, counts = corpus_making.prepare_elsewhere(raw, table, cleaning)
        return kept, {"source": sources.describe(path), "counts": counts}
    if task.is_sentiment and asked("out_of_domain_texts"):
        sentences = Table.stored(sources.read_bundled(sources.SENTENCES), spool).sample(settings.out_of_domain_texts, seed=0)
        if asked("more_training"):  # SST-2, for example, is made of these sentences
            return corpus_making.prepare_elsewhere(sentences, table, cleaning)[0], None
        return corpus_making.prepare(sentences, cleaning, keep_duplicates=False)[0], None
    return None, None


def _look(table: Table, task: Task, settings: SimpleNamespace, reader: Reader | None, place: Path) -> tuple[dict[str, Any], list[Path]]:
    """Figures of the texts, for eda.json, and pictures."""
    from sentipress.evaluation import exploration, pieces_exploration

    counts = exploration.count(table, task)
    figures = exploration.explore(table.texts, counts, task)
    if not reader:
        return figures, exploration.draw(counts, figures, place, settings.seed, task)
    figures["pieces"] = pieces_exploration.explore(table.texts, reader.tokenizer)
    return figures, pieces_exploration.draw(table, figures["pieces"], reader.tokenizer, place, task)
