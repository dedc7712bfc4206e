"""A card beside every packed model: what it is, how it was made and measured, and where it goes wrong.

A card has the form of Hugging Face's model cards: YAML, then Markdown. All of it is made from the metrics JSON, from
reviews.json if that lies beside it, and from the package itself, which is run on a few fixed sentences.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from sentipress.core import files, manifest
from sentipress.core import folder as artifacts
from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean
from sentipress.data.task import verdict
from sentipress.evaluation import comprehension, records
from sentipress.evaluation.comprehension import sentences
from sentipress.linear.bag_of_words import CHARACTERS
from sentipress.reporting import study, tabular
from sentipress.reporting.wording import of_encoder
from sentipress.runtimes import registry
from sentipress.runtimes.interface import Runtime
from sentipress.runtimes.packed_words import PackedWords
from sentipress.runtimes.pocket import PocketModel

SUFFIX = ".card.md"
PACKAGE = ".zip"  # ending of the models that get a card
FOLDER = Path(__file__).parent
# Links of a chain by name, not by `sentipress.pipeline.chain_links`, which loads TensorFlow: a card needs none.
DISTIL = "distil"
TAUGHT = {DISTIL, "prune", "round"}  # links that train with the teachers
UNTRAINED = {"vocabulary", "factorize", "units", "cluster", "float32", "float16", "quantize", "int4", "pack"}
WEIGHTS = {
    "float32": "Its weights have 32 bits.",
    "float16": "Its weights have 16 bits.",
    "dynamic_range": "The weights of embedding and LSTM have 8 bits.",
    "int4": "The weights of its embedding have 4 bits, those of its LSTM 8.",
}  # by the number format of a network
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|&~$#]")


@dataclass(frozen=True)
class Judged:
    """A fixed sentence and what a model makes of it.

    Attributes:
        kind: what makes it hard, such as "negation".
        text: the sentence.
        label: name of the true label.
        answer: the label that predict.py prints, or "cannot judge".
        probability: that the model gives its label, 0 to 1.
        known: share of the words that it knows, 0 to 1.
    """

    kind: str
    text: str
    label: str
    answer: str
    probability: float
    known: float

    @property
    def right(self) -> bool:
        """Whether the answer is the true label."""
        return self.answer == self.label


def write(folder: Path) -> list[Path]:
    """Write a card beside every packed model of a published folder; gives the cards' paths.

    Raises:
        UserError: there is no packed model with metrics, or one is damaged or not the one that its metrics speak of.
    """
    made = of(folder, folder)
    if not made:
        raise UserError(f"{folder} holds no packed model (*{PACKAGE}) with metrics", "name a folder that compare.py --publish wrote")
    for path, content in made.items():
        files.write_text(path, content)
    return list(made)


def of(folder: Path, target: Path) -> dict[Path, str]:
    """Make the cards of all packed models of a folder that have metrics.

    Args:
        folder: that holds them.
        target: where they are published: the cards lie there and name it.

    Returns:
        Each card's text by its path.

    Raises:
        UserError: a package or its metrics are damaged, or do not belong together.
    """
    packages = [path for path in sorted(folder.glob(f"*{PACKAGE}")) if records.metrics_path(folder, path.stem).is_file()]
    return {target / f"{path.stem}{SUFFIX}": card(path, target) for path in packages}


def card(package: Path, target: Path) -> str:
    """Make the card of one packed model, whose metrics lie beside it; `target` is the folder that the card names.

    Raises:
        UserError: the package or its metrics are missing or damaged, or do not belong together.
    """
    record = records.read(records.metrics_path(package.parent, package.stem), "run the stage again")
    command = manifest.command(record["stage"], manifest.DEFAULT_FOLDER, record.get("flags"))
    model = registry.open_model(package, remedy=f"run {command}, then publish again")
    checksum = files.sha256(package)
    if record["outputs"].get(package.name) != checksum:
        raise UserError(f"{package} is not the one that its metrics speak of", f"run {command}, then publish again")
    about = study.portable(artifacts.published_about(package.parent))
    if about.get("sha256") != record["inputs"][manifest.REVIEWS]:
        about = {}  # of other texts
    judged = judge(model) if model.task.is_sentiment else []
    known = sum(one.known for one in judged) / len(judged) if judged else 0.0
    return (
        _environment()
        .get_template("card.md")
        .render(
            record=record,
            command=command,
            checksum=checksum,
            bytes=package.stat().st_size,
            model=_described(model, record),
            chain=_chain(record),
            encoder=_encoder(record),
            by_rule=record.get("by_rule"),
            taught=_taught(record),
            of_encoder=of_encoder(record),
            cleaning=model.cleaning,
            texts=_texts(about, record),
            accuracy=record["scores"]["accuracy"],
            elsewhere=record["out_of_domain"],
            elsewhere_name=study.elsewhere(about),
            deployment=record.get("deployment"),
            path=shlex.quote(_shown(target / package.name)),
            labels=model.task.labels,
            binary=model.task.binary,
            sentiment=model.task.is_sentiment,
            language=sentences()["language"] if known >= comprehension.OWN_LANGUAGE else None,
            known=known,
            judged=judged,
            kinds=_by_kind(judged),
            wrong=[one for one in judged if not one.right],
        )
    )


def judge(model: Runtime) -> list[Judged]:
    """Run a model on the fixed sentences, as predict.py does."""
    given = sentences()["sentences"]
    table = model.task.table(model.predict_raw([one["text"] for one in given]))
    known = [model.known_share(clean(one["text"], model.cleaning)) for one in given]
    return [
        Judged(**one, answer=verdict(model.task.labels, row, share), probability=float(row.max()), known=share)
        for one, row, share in zip(given, table, known, strict=True)
    ]


def _by_kind(judged: Sequence[Judged]) -> dict[str, tuple[int, int]]:
    """How many sentences of each kind are right, and how many there are."""
    kinds = dict.fromkeys(one.kind for one in judged)
    return {kind: (sum(one.right for one in judged if one.kind == kind), sum(one.kind == kind for one in judged)) for kind in kinds}


def _shown(path: Path) -> str:
    """A path as a reader can use it: from the project's folder, else the name alone."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.name


def _described(model: Runtime, record: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is and needs, its sentences in order; `tag` names its kind."""
    if isinstance(model, PackedWords):
        bag, longest = model.model, model.model.max_ngram
        terms = "words" if longest == 1 else "words and word pairs" if longest == 2 else f"terms of up to {longest} words"
        if bag.unit == CHARACTERS:
            terms = f"runs of up to {longest} characters"
        order = "" if longest == 1 or bag.unit == CHARACTERS else f" beyond terms of {longest} neighbouring words"
        return {
            "tag": "bag-of-words",
            "needs": _needed(model, "numpy"),
            "what": [f"It is a bag of words: {len(bag.terms):,} {terms} with weights of {model.bits} bits, in one file."],
            "limits": [f"It sees no word order{order}."],
        }
    what, limits = ["It is a recurrent network (LSTM) and its vocabulary, in one file."], []
    shape = record["model"]
    if {"units", "embedding_dim", "bidirectional"} <= set(shape):
        direction = " in each direction" if shape["bidirectional"] else ""
        what.append(f"It has {shape['embedding_dim']} embedding columns and {shape['units']} LSTM units{direction}.")
    what += [WEIGHTS[record["number_format"]]] if record.get("number_format") in WEIGHTS else []
    if isinstance(model, PocketModel):
        tokenizer = model.tokenizer
        pairs = sum(" " in word for word in tokenizer.words)
        what.append(f"Its vocabulary has {len(tokenizer.words) - pairs:,} words and {pairs:,} word pairs.")
        end = "last" if tokenizer.truncating == "pre" else "first"
        limits.append(f"Of a long text it reads the {end} {tokenizer.sequence_length:,} words; a known word pair counts as one.")
    return {"tag": "lstm", "needs": _needed(model, "numpy", "ai-edge-litert"), "what": what, "limits": limits}


def _needed(model: Runtime, *packages: str) -> str:
    """The packages that a model runs with; one recipe of cleaning reads its stopwords by NLTK."""
    return ", ".join([*packages, *(["nltk"] if model.cleaning == "thesis" else []), "sentipress"])


def _chain(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """How a chain of stage 6 made a model: its links, its start, and its teachers if a link was taught; None for other models."""
    if not record.get("chain"):
        return None
    names = {link.partition("=")[0].strip() for link in record["chain"].split(",")}
    taught, settings = bool(names & TAUGHT), record["settings"]
    techniques = {row.name: row.technique for stage in manifest.LSTM.stages for row in stage.rows}
    return {
        "links": record["chain"],
        "start": settings.get("start"),
        "trains": not names <= UNTRAINED,
        "teachers": [(name, techniques.get(name)) for name in record.get("teachers") or []] if taught else [],
        "unlabelled": taught and manifest.UNLABELLED in record["inputs"],
        "best_epoch": DISTIL in names and bool(settings.get("keep_best")),
    }


def _encoder(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Which encoder answered how many sentences that a model learned from; None for other models."""
    name, links = _inside(record, "answers", "teacher", "name"), str(record.get("chain") or DISTIL)
    learned = bool({link.partition("=")[0].strip() for link in links.split(",")} & TAUGHT)
    return {"name": name, "sentences": _inside(record, "answers", "sentences")} if name and learned else None


def _taught(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """What taught an LSTM of the encoder's track: its teachers with what they are, and texts; None for other models.

    An LSTM without teachers is the control.
    """
    if not of_encoder(record):
        return None
    about, settings = record.get("distillation") or {}, record["settings"]
    rows = {row.name: row.technique for stage in manifest.ENCODER.stages for row in stage.rows}
    name, source = _inside(record, "encoder", "name"), str(settings.get("transfer") or "")
    return {
        "teachers": [(one, ", ".join(filter(None, (rows.get(one), name)))) for one in about.get("teachers") or []],
        "unlabelled": record.get("transfer_texts"),
        "bundled": source in ("auto", "bundled"),
        "source": Path(source).name,
        "best_epoch": bool(record.get("best_epoch")),
    }


def _texts(about: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the texts, from reviews.json and the metrics; None where nothing is."""
    own = _inside(about, "settings") or {}
    split = _inside(about, "task", "split") or ({"kind": "random", **own} if about else {})
    return {
        "described": bool(about),
        "sha256": record["inputs"][manifest.REVIEWS],
        "source": _inside(about, "source", "name"),
        "test_source": _inside(about, "test_source", "name"),
        "recipe": about.get("recipe") or record["settings"].get("recipe"),
        "counts": _inside(about, "counts") or {},
        "splits": _inside(about, "splits") or {},
        "kind": split.get("kind"),
        "test_share": split.get("test_share"),
        "seed": split.get("seed"),
        "unlabelled": _inside(about, "unlabelled", "counts", "kept"),
        "unlabelled_source": _inside(about, "unlabelled", "source", "name"),
        "command": manifest.command(about["stage"], manifest.DEFAULT_FOLDER, about.get("flags")) if about.get("stage") else None,
    }


def _inside(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, Mapping) else None
    return content


@functools.cache
def _environment() -> jinja2.Environment:
    """The template's surroundings: a name that is not known is an error, and every name of a user's goes through a filter."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "text": text,
        "code": code,
        "yaml": yaml,
        "plain": plain,
        "percent": percent,
        "grouped": "{:,}".format,
        "digits": digits,
    }
    return environment


def text(content: str) -> str:
    """Write a text so that Markdown and HTML show it as it is, in a cell of a table too."""
    return _MARKDOWN.sub(r"\\\g<0>", tabular.one_line(content))


def code(content: str) -> str:
    """Write a text as a code span, whatever backticks are in it."""
    line = tabular.one_line(content)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if "`" in line else ""
    return f"{fence}{space}{line}{space}{fence}"


def yaml(content: str) -> str:
    """Write a text as a YAML string in double quotes, without letters that YAML forbids."""
    return json.dumps("".join(letter if letter.isprintable() else " " for letter in content), ensure_ascii=False)


def plain(content: str) -> str:
    """Write a text as YAML without quotes where it has none but letters and spaces."""
    return content if re.fullmatch(r"[A-Za-z][A-Za-z ]*", content) else yaml(content)


def percent(share: float) -> str:
    """Write a share as a percentage with two digits."""
    return f"{share:.2%}".replace("%", " %")


def digits(number: float, count: int) -> str:
    """Write a number with so many digits behind the point."""
    return f"{number:,.{count}f}"
