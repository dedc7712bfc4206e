"""What tells whether a model reads: behaviour cases, pairs of texts, further training texts that must not leak."""

import json
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, STAGES, load_stage, record, run_stage

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data import additions, corpus, grammar
from sentipress.data.additions import ReadingSet
from sentipress.data.cleaning import clean, words_of
from sentipress.data.stored import Table
from sentipress.data.task import SENTIMENT
from sentipress.evaluation import comprehension
from sentipress.reporting import reads
from sentipress.runtimes import registry

POCKET = ROOT / "results" / "default" / "pocket.zip"
TEXTS = ("A dull film without a single joke in it.", "The best evening of the year by far.", "Nobody will remember this in a week.")
EDITED = ("A lively film without a single dull joke.", "The worst evening of the year by far.", "Everybody will remember this for years.")


@pytest.fixture
def pair(tmp_path):
    """A pair of files as they are published: tabs, quotes, labels with a capital."""
    paths = [tmp_path / "original.tsv", tmp_path / "edited.tsv"]
    for path, texts, signs in zip(paths, (TEXTS, EDITED), ("Negative Positive Negative", "Positive Negative Positive"), strict=True):
        frame = pd.DataFrame({"Sentiment": signs.split(), "Text": [f'{text} "Really", they say.' for text in texts]})
        frame.to_csv(path, sep="\t", index=False)
    assert '"""Really"", they say' in paths[0].read_text() or '""Really""' in paths[0].read_text()
    return paths


def together(paths):
    return "+".join(map(str, paths))


# Behaviour cases


def test_the_cases_are_many_balanced_and_different():
    cases = comprehension.cases()
    assert len(cases) >= 400 and len({words_of(case.text) for case in cases}) == len(cases)
    of_use = Counter(case.use for case in cases)
    assert set(of_use) == {comprehension.CHOOSING, comprehension.SCORING} and min(of_use.values()) > 0.47 * len(cases)
    for key, count in Counter((case.kind, case.use, case.label) for case in cases).items():
        assert count >= 9, key
    kinds = {case.kind for case in cases}
    assert {"negation", "double negation", "contrast", "comparison", "modality", "short", "names", "typos"} == kinds
    for group in {case.group for case in cases}:
        members = [case for case in cases if case.group == group]
        assert len({(case.kind, case.use, case.label) for case in members}) == 1
        assert len(members) == (2 if members[0].kind in ("names", "typos") else 1)


def test_a_group_is_right_if_all_its_texts_are():
    cases = comprehension.cases()
    found, wrong = comprehension.counted(cases, [case.label for case in cases])
    assert wrong == [] and all(count["right"] == count["of"] for kinds in found.values() for count in kinds.values())
    assert comprehension.share(found[comprehension.SCORING]) == 1
    chosen = next(case for case in cases if case.kind == "typos" and case.use == comprehension.CHOOSING)
    answers = [
        "positive" if case is chosen and case.label == "negative" else "negative" if case is chosen else case.label for case in cases
    ]
    one_less, wrong = comprehension.counted(cases, answers)
    assert wrong == [chosen.group]
    assert one_less[comprehension.CHOOSING]["typos"] == {
        **found[comprehension.CHOOSING]["typos"],
        "right": found[comprehension.CHOOSING]["typos"]["right"] - 1,
    }
    assert one_less[comprehension.SCORING] == found[comprehension.SCORING]


def test_a_model_that_says_one_thing_gets_half_and_no_pair():
    model = registry.open_model(POCKET)
    model.predict_raw = lambda raw: pd.Series([0.9] * len(raw)).to_numpy("float32")
    numbers, edited = np.array([0, 1, 1, 1, 0, 0]), np.array([False] * 3 + [True] * 3)
    sets = [ReadingSet("pairs", list("abcdef"), numbers, edited, True), ReadingSet("alone", list("abcdef"), numbers, edited, False)]
    found = comprehension.judge(model, sets)
    assert found["sets"] == [{"name": "pairs", "of": 3, "original": 2, "edited": 1, "both": 0}, {"name": "alone", "of": 6, "right": 3}]
    assert 0.45 < comprehension.share(found["behaviour"][comprehension.SCORING]) < 0.55 and len(found["wrong"]) > 80


def test_a_model_of_another_language_is_not_asked(tmp_path):
    model = registry.open_model(POCKET)
    model.known_share = lambda text: 0.1
    assert comprehension.judge(model, []) is None


# Further files


def test_files_are_named_alone_and_as_pairs(pair, tmp_path):
    alone = tmp_path / "more.csv"
    alone.write_text("review,sentiment\nFine,positive\n")
    found = additions.parse(f"{alone},contrast={together(pair)}", "--reading-sets")
    assert [(one.name, one.path, one.edited) for one in found] == [("more", alone, None), ("contrast", pair[0], pair[1])]
    assert additions.parse(None, "--reading-sets") == [] == additions.parse("", "--reading-sets")
    for wrong, said in (
        (f"two words={alone}", "has the name"),
        ("a=", "not understood"),
        (f"{alone},", "not understood"),
        (f"{alone}+{alone}+{alone}", "not understood"),
        ("none.csv", "missing"),
        (f"{alone},{alone}", "two files called 'more'"),
    ):
        with pytest.raises(UserError, match=said):
            additions.parse(wrong, "--reading-sets")


def test_published_pairs_are_read_with_their_quotes(pair):
    frame = additions.read(additions.parse(together(pair), "--x")[0], SENTIMENT)
    assert frame["review"][0] == TEXTS[0] + ' "Really", they say.' and list(frame["label"]) == [0, 1, 0, 1, 0, 1]
    assert list(frame["pair"]) == [0, 1, 2, 0, 1, 2] and list(frame["edited"]) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("Sentiment\tText\nPositive\tone\n", "have 3 and 1 texts"),
        ("Sentiment\tText\n" + "Mixed\tx\n" * 3, "unknown label 'Mixed'"),
        ("Sentiment\tText\n", "no rows"),
        ("Sentiment\tText\nPositive\t \n", "empty review"),
    ],
)
def test_files_that_are_no_pair_are_refused(pair, content, said):
    pair[1].write_text(content)
    with pytest.raises(UserError, match=said):
        additions.read(additions.parse(together(pair), "--x")[0], SENTIMENT)


def test_an_edited_copy_of_a_held_out_text_is_a_leak(pair):
    given = additions.parse(together(pair), "--more-training")
    quoted = [f'{text} "Really", they say.' for text in TEXTS]
    held_out, known = [quoted[0].upper().replace(",", "")], [(7, quoted[1])]
    more, counted = additions.for_training(given, SENTIMENT, "plain", held_out, known, 100)
    assert [text.split('"')[0].strip() for text in more["review"]] == [TEXTS[2], EDITED[1], EDITED[2]]
    assert {key: counted[0][key] for key in ("texts", "held_out", "edited_of_held_out", "duplicates", "kept")} == {
        "texts": 6,
        "held_out": 1,
        "edited_of_held_out": 1,
        "duplicates": 1,
        "kept": 3,
    }
    # The second original stands in the main file, the third does not; of the first pair nothing is learned.
    assert list(more["row"]) == [100, 101, 102] and counted[0]["pairs"] == [[7, 101], [100, 102]]


@pytest.mark.parametrize("recipe", ["plain", "default", "thesis", "posts"])
def test_a_leak_is_found_whatever_cleaning_makes_of_a_text(pair, tmp_path, recipe):
    original, edited = (
        "I was <br /><br />NOT amused; it's the dullest &amp; longest thing.",
        "I was <br />so amused; it's the best &amp; shortest thing.",
    )
    for path, text in zip(pair, (original, edited), strict=True):
        path.write_text(f"Sentiment\tText\nNegative\t{text}\n")
    given = additions.parse(together(pair), "--x")
    more, counted = additions.for_training(given, SENTIMENT, recipe, [clean(original, recipe)], [], 0)
    assert more.empty and (counted[0]["held_out"], counted[0]["edited_of_held_out"], counted[0]["pairs"]) == (1, 1, [])
    with pytest.raises(UserError, match="every text of"):
        additions.for_reading(given, SENTIMENT, recipe, [clean(edited, recipe)])


def test_a_quote_that_is_not_closed_is_a_character(tmp_path):
    path = tmp_path / "one.tsv"
    path.write_text('sentence\tlabel\n"good film\t1\nplain\t0\n"other" film\t0\n"whole ""so"" film"\t1\n')
    frame = additions.read(additions.parse(str(path), "--x")[0], SENTIMENT)
    assert frame["review"].tolist() == ['"good film', "plain", '"other" film', 'whole "so" film'] and list(frame["label"]) == [1, 0, 0, 1]


def test_what_is_learned_does_not_test(pair, tmp_path):
    alone = tmp_path / "alone.csv"
    alone.write_text("Text,Label\nSeen before,positive\nNever seen,negative\n")
    given = additions.parse(f"{alone},pairs={together(pair)}", "--reading-sets")
    learned = ["seen BEFORE!", f'{TEXTS[0]} "Really", they say.', f'{EDITED[1]} "Really", they say.']
    frame, counted = additions.for_reading(given, SENTIMENT, "plain", learned)
    assert list(frame.loc[frame["set"] == "alone", "review"]) == ["Never seen"]
    assert sorted(frame.loc[frame["set"] == "pairs", "pair"]) == [0, 0, 2, 2]  # an original may be known
    assert [(one["known"], one["kept"]) for one in counted] == [(1, 1), (2, 4)]
    with pytest.raises(UserError, match="every text of"):
        additions.for_reading(given[:1], SENTIMENT, "plain", ["seen before", "never seen"])


# In the stages


def test_stage_1_keeps_them_and_a_model_is_asked(sample_csv, pair, tmp_path, capsys):
    artifacts, plain = tmp_path / "artifacts", tmp_path / "sentences.tsv"
    plain.write_text("It is a joy to watch.\tpositive\nIt is a pain to watch.\tnegative\n")
    others = [tmp_path / "before.tsv", tmp_path / "after.tsv"]
    others[0].write_text("Sentiment\tText\nPositive\tA wonderful film, see it.\nNegative\tAn awful waste of time.\n")
    others[1].write_text("Sentiment\tText\nNegative\tA terrible film, avoid it.\nPositive\tA wonderful use of time.\n")
    flags = ("--more-training", together(pair), "--reading-sets", f"{plain},pairs={together(others)}")
    run_stage(STAGES[0], artifacts, "--data", str(sample_csv), *flags)
    assert "6 training texts more from edited" in capsys.readouterr().out
    about, reviews = json.loads((artifacts / "reviews.json").read_text(encoding="utf-8")), corpus.load(artifacts)
    assert about["more_training"][0]["kept"] == 6 and [one["name"] for one in about["reading"]["sets"]] == ["sentences", "pairs"]
    assert sum(about["splits"].values()) == len(reviews.table) and reviews.table.frame["row"].is_unique
    assert len(reviews.texts("train")) == about["splits"]["train"] and any("lively film" in text for text in reviews.texts("train"))
    paired = {reviews.texts("train")[place] for place in reviews.paired()}
    assert {text.removesuffix(" really they say") for text in paired} == {clean(text, reviews.recipe) for text in [*TEXTS, *EDITED]}
    sentences, pairs = reviews.reading()
    assert sentences.texts[0] == "It is a joy to watch." and not sentences.pairs and pairs.pairs and list(pairs.edited) == [0, 0, 1, 1]
    assert comprehension.on_set(registry.open_model(POCKET), pairs) == {"name": "pairs", "of": 2, "original": 2, "edited": 2, "both": 2}
    (artifacts / "reading.csv").write_text("set,pair\n")
    with pytest.raises(UserError, match=r"reading\.csv is not the file"):
        reviews.reading()
    with pytest.raises(UserError, match=r"--more-training edited=original.tsv.edited.tsv --reading-sets sentences=sentences.tsv,pairs="):
        corpus.check_source(artifacts, None)
    # Without the flags the file goes.
    run_stage(STAGES[0], artifacts, "--data", str(sample_csv))
    assert not (artifacts / "reading.csv").exists() and corpus.load(artifacts).reading() == []


def test_every_published_model_says_how_it_reads(run):
    said = record(run, "modelo_DRQ")["reading"]
    assert said["sets"] == [] and said["cases"] == comprehension.version()
    assert set(said["behaviour"]) == {comprehension.CHOOSING, comprehension.SCORING}


def test_a_folder_is_asked_anew(run, tmp_path, pair):
    copy = shutil.copytree(run, tmp_path / "copy")
    path = copy / "modelo_DRQ.metrics.json"
    before = record(copy, "modelo_DRQ")
    path.write_text(json.dumps({**before, "reading": {**before["reading"], "cases": "older"}}))
    load_stage("compare.py").main(["--artifacts", str(copy), "--ask"])
    assert record(copy, "modelo_DRQ") == before and "behaviour" in (copy / "comparison.md").read_text()


def test_texts_of_another_language_are_told_by_their_words(run):
    reviews = corpus.load(run)
    assert comprehension.are_english(reviews)
    foreign = replace(reviews, table=Table.stored(reviews.table.frame.assign(review="ein ganz anderer Film")))
    assert not comprehension.are_english(foreign)
    model = registry.open_model(POCKET)
    assert comprehension.judge(model, [], english=False) is None


def test_the_table_and_the_grid_say_it():
    behaviour, wrong = comprehension.counted(comprehension.cases(), ["positive"] * len(comprehension.cases()))
    sets = [{"name": "amazon", "of": 4, "right": 3}, {"name": "contrast", "of": 10, "original": 9, "edited": 6, "both": 5}]
    asked = {"technique": "One", "reading": {"behaviour": behaviour, "cases": comprehension.version(), "wrong": wrong, "sets": sets}}
    silent = {"technique": "Other"}
    assert reads.columns([silent]) == [] == reads.grid([silent])[1] == reads.examples([silent])
    assert reads.columns([silent, asked]) == ["behaviour", "on amazon", "contrast, edited", "contrast, both"]
    assert reads.cells(asked) | {"behaviour": ""} == {
        "behaviour": "",
        "on amazon": "75.0%",
        "contrast, edited": "60.0%",
        "contrast, both": "50.0%",
    }
    of_other_cases = {**asked, "reading": {**asked["reading"], "cases": "0" * 12}}
    assert "behaviour" not in reads.cells(of_other_cases) and reads.examples([of_other_cases]) == []
    names, rows = reads.grid([silent, asked])
    assert names[0] == "model" and "negation" in names and rows[0]["short"].endswith("of 25") and len(rows) == 1
    shown = reads.examples([asked])
    assert len(shown) == reads.EXAMPLES and all((one.wrong == ["One"]) == (one.label == "negative") for one in shown)
    scoring = {case.text for case in comprehension.cases() if case.use == comprehension.SCORING}
    assert not {one.text for one in shown} & scoring


def test_published_packages_can_be_asked(pair, tmp_path, capsys):
    output = tmp_path / "reading.json"
    flags = ["--models", f"{POCKET},{ROOT / 'results' / 'packed' / 'packed_11900.zip'}", "--sets", f"contrast={together(pair)}"]
    load_stage("benchmarks/reading.py").main([*flags, "--output", str(output)])
    found = json.loads(output.read_text(encoding="utf-8"))
    assert [one["reading"]["sets"][0]["of"] for one in found["results"]] == [3, 3]
    assert "contrast, edited" in capsys.readouterr().out and output.with_suffix(".md").read_text(encoding="utf-8").count("\n") == 4


def test_the_published_figures_are_of_todays_cases_and_files():
    """What `benchmarks/reading.py` wrote of a package that lies in the repository is what it says today."""
    published = json.loads((ROOT / "results" / "reading.json").read_text(encoding="utf-8"))["results"]
    assert all(files.sha256(ROOT / one["technique"]) == one["sha256"] for one in published)
    one = next(one for one in published if one["technique"] == "results/default/pocket.zip")
    assert comprehension.judge(registry.open_model(POCKET), [])["behaviour"] == one["reading"]["behaviour"]


def test_typed_sentences_are_of_both_labels_and_no_model_learned_them():
    typed = pd.read_csv(ROOT / "benchmarks" / "typed.csv")
    assert len(typed) == len(set(typed["review"].map(words_of))) >= 50 and 0.4 < (typed["sentiment"] == "positive").mean() < 0.6
    learned = {words_of(text) for text, _ in grammar.made(grammar.MOST)}
    assert learned.isdisjoint(typed["review"].map(words_of)) and not typed["review"].map(comprehension.near).any()
