"""What an encoder says of sentences: kept under hashes, asked about once, and heard by the students of stages 5 and 6."""

import csv
import json
import shutil
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, STAGES, load_stage, record, run_stage

from sentipress.core import cli, files, manifest
from sentipress.core.errors import UserError
from sentipress.data import corpus, corpus_making, grammar, turning
from sentipress.data.answers import Answers
from sentipress.data.cleaning import words_of
from sentipress.data.sentences import cut, is_passage
from sentipress.data.task import SENTIMENT
from sentipress.evaluation import comprehension
from sentipress.pipeline import chain_links, chain_network, encoder_answers, encoder_asking, students, teachers, workspace
from sentipress.runtimes import registry

POCKET = ROOT / "results" / "default" / "pocket.zip"  # any model may teach; this one is quick
ABOUT = {"name": "folder/model", "sha256": "0" * 64}
LABELS = ("negative", "positive")
SPLITS = ("train", "validation")


@pytest.fixture
def folder(run, tmp_path):
    return shutil.copytree(run, tmp_path / "artifacts", ignore=shutil.ignore_patterns("logs", "figures"))


def ask(folder, *flags):
    load_stage(manifest.ASKING).main(["--artifacts", str(folder), "--teacher", str(POCKET), *map(str, flags)])
    return Answers.load(folder / manifest.ANSWERS, "")


def settings_of(stage, folder, flags=()):
    name = {5: manifest.DISTILLATION, 6: manifest.COMBINATION}[stage]
    without = ["--no-use-unlabelled", "--varied", "0", "--no-deployment"]
    return cli.settings(load_stage(name).__file__, ["--artifacts", str(folder), *without, *flags])


def consulted(folder, **changes):
    settings = cli.settings(load_stage("5_distillation.py").__file__, ["--artifacts", str(folder), "--no-deployment"])
    for name, value in changes.items():
        setattr(settings, name, value)
    space, _ = workspace.Workspace.open(settings)
    return space, encoder_answers.consult(space)


def test_answers_are_found_by_the_words_of_a_text(tmp_path):
    given = Answers.of(["It's a JOY.", "No!", "it s a joy"], np.array([2.5, -1, 9]), LABELS, ABOUT)
    assert given.keys.dtype == np.uint64 and len(given.keys) == 2
    known, logits = given.find(["no", "unheard of", "it's a joy"])
    assert known.tolist() == [True, False, True] and logits.tolist() == [-1, 0, 2.5] and logits.dtype == np.float32
    more = given.with_more(Answers.of(["Unheard of", "no"], np.array([0.25, 7]), LABELS, ABOUT))
    assert more.find(["no", "unheard of"])[1].tolist() == [-1, 0.25]
    more.save(tmp_path / "answers.npz")
    loaded = Answers.load(tmp_path / "answers.npz", "")
    assert loaded.labels == LABELS and loaded.teacher == ABOUT and loaded.logits.tolist() == more.logits.tolist()
    before = (tmp_path / "answers.npz").read_bytes()
    loaded.save(tmp_path / "answers.npz")
    assert (tmp_path / "answers.npz").read_bytes() == before
    nothing = Answers(np.zeros(0, np.uint64), np.zeros(0, np.float16), LABELS, ABOUT)
    assert nothing.find(["no"])[0].tolist() == [False]


def test_answers_in_several_classes(tmp_path):
    given = Answers.of(["One.", "Two."], np.log(np.array([[0.2, 0.3, 0.5], [0.6, 0.2, 0.2]])), ("a", "b", "c"), ABOUT)
    given.save(tmp_path / "answers.npz")
    known, logits = Answers.load(tmp_path / "answers.npz", "").find(["two", "three"])
    assert known.tolist() == [True, False] and logits.shape == (2, 3) and logits[0].argmax() == 0


@pytest.mark.parametrize("damage", ["cut", "text", "unsorted", "float32", "other schema", "infinite"])
def test_a_damaged_file_of_answers_is_one_line(damage, tmp_path):
    path = tmp_path / "answers.npz"
    given = Answers.of(["One.", "Two."], np.array([1.0, 2]), LABELS, ABOUT)
    if damage == "unsorted":
        given = Answers(given.keys[::-1], given.logits, LABELS, ABOUT)
    if damage == "float32":
        given = Answers(given.keys, given.logits.astype(np.float32), LABELS, ABOUT)
    if damage == "infinite":
        given = Answers(given.keys, given.logits * np.float16(np.inf), LABELS, ABOUT)
    given.save(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:300])
    if damage == "text":
        path.write_text("no archive", encoding="utf-8")
    if damage == "other schema":
        content = dict(np.load(path))
        content["about"] = np.array(json.dumps({**json.loads(str(content["about"])), "schema": 9}))
        np.savez(path, **content)
    with pytest.raises(UserError, match=r"answers\.npz cannot be read as a teacher's answers .* -> mend it"):
        Answers.load(path, "mend it")


def test_a_teacher_is_asked_once_about_each_sentence(folder, capsys, monkeypatch):
    raw, cleaned = corpus.load(folder).sentences()
    assert len(raw) == len(cleaned) > 1000 and all(raw) and len(set(cleaned)) == len(cleaned)
    monkeypatch.setattr(encoder_asking, "PART", 500)
    answers = ask(folder)
    assert f"asked about {len(answers.keys):,} texts" in capsys.readouterr().out
    known, logits = answers.find(raw)
    some = [0, 5, len(raw) - 1]
    model = registry.open_model(POCKET)
    expected = SENTIMENT.logits(model.predict_raw([raw[number] for number in some]))
    assert known.all() and answers.teacher == {"name": "default/pocket.zip", "sha256": files.sha256(POCKET)}
    np.testing.assert_allclose(logits[some], expected, atol=0.02)
    before = (folder / manifest.ANSWERS).read_bytes()
    ask(folder)
    assert "asked about 0 texts" in capsys.readouterr().out and (folder / manifest.ANSWERS).read_bytes() == before


def test_an_interrupted_asking_goes_on_and_ends_with_the_same_bytes(folder, monkeypatch):
    monkeypatch.setattr(encoder_asking, "PART", 500)
    monkeypatch.setattr(encoder_asking, "WRITE_SECONDS", 0.0)  # after every part
    monkeypatch.setattr(encoder_asking, "WRITE_SHARE", 1e9)
    whole = ask(folder)
    before, partial = (folder / manifest.ANSWERS).read_bytes(), folder / "answers.part.npz"
    (folder / manifest.ANSWERS).unlink()
    saved, written = Answers.save, []

    def save_once(self, path):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        saved(self, path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Answers, "save", save_once)
        ask(folder)
    assert len(Answers.load(partial, "").keys) == 500 < len(whole.keys)
    assert not (folder / manifest.ANSWERS).exists() and consulted(folder)[1].answers is None  # nobody learns from a part
    ask(folder)
    assert not partial.exists()
    assert (folder / manifest.ANSWERS).read_bytes() == before


def test_several_processes_give_the_same_answers(folder, monkeypatch):
    monkeypatch.setattr(encoder_asking, "PART", 500)
    ask(folder)
    alone = (folder / manifest.ANSWERS).read_bytes()
    (folder / manifest.ANSWERS).unlink()
    ask(folder, "--workers", "2")
    assert (folder / manifest.ANSWERS).read_bytes() == alone


def test_without_answers_nothing_changes(folder):
    (folder / manifest.SENTENCES).unlink()  # nobody looks at it
    space, teaching = consulted(folder)
    assert teaching.answers is None and teaching.files == teachers.consult(space).files
    assert not (folder / manifest.ANSWERS).exists()


def test_rules_alone_can_speak_of_made_sentences(folder, capsys):
    space, teaching = consulted(folder, answers="rules", rules=False)
    plain, (raw, cleaned) = teachers.consult(space), space.reviews.sentences()
    meant = dict(grammar.made(300))
    made = [number for number, text in enumerate(raw) if text in meant]
    assert 290 < len(made) <= 300 and f"rules for {len(made)} of {len(raw):,} sentences\n" in capsys.readouterr().out
    assert [*teaching.unlabelled] == [*plain.unlabelled, *(cleaned[number] for number in made)]
    expected = [5.5 if meant[raw[number]] == "positive" else -5.5 for number in made]
    assert teaching.logits["unlabelled"][len(plain.unlabelled) :].tolist() == expected and {*expected} == {5.5, -5.5}
    assert teaching.files == (*plain.files, manifest.SENTENCES) and teaching.about() == {"unlabelled_reviews": 270, "by_rule": len(made)}


@pytest.mark.parametrize("stage", [5, 6])
def test_reviews_can_be_read_oftener_than_sentences(folder, monkeypatch, stage):
    space, teaching = consulted(folder, answers="rules", use_unlabelled=False)
    labelled, sentences = len(space.labels["train"]), len(teaching.sentences)
    assert labelled and sentences and len(teaching.unlabelled) == sentences
    read = []

    def train(self, model, stem, plan, inputs, data, **more):
        read.append(len(data[1]))
        assert len(data[0]) == len(data[1])
        raise UserError("enough", "stop")

    monkeypatch.setattr(workspace.Workspace, "train", train)
    for times in (1, 3):
        space, base = workspace.Workspace.open(settings_of(stage, folder, ["--answers", "rules", "--review-times", str(times)]))
        with pytest.raises(UserError, match="enough"):
            if stage == 5:
                students.School(space, base).teach("response", None)
            else:
                link = chain_links.parse("distil=4x4,float32")
                chain_network.ChainNetwork(space.settings, link).apply(link[0], "pocket_1_distil")
    assert read == [labelled + sentences, 3 * labelled + sentences]


def test_a_file_of_sentences_without_rules_is_still_read(folder):
    frame = pd.read_csv(folder / manifest.SENTENCES, dtype=str)
    assert {*frame["rule"].fillna("")} == {"", "negative", "positive"}
    frame[["text", "review"]].to_csv(folder / manifest.SENTENCES, index=False)
    about = json.loads((folder / "reviews.json").read_text())
    about["sentences"]["sha256"] = files.sha256(folder / manifest.SENTENCES)
    (folder / "reviews.json").write_text(json.dumps(about))
    assert {*corpus.load(folder).rules()} == {corpus.NO_RULE} and consulted(folder, answers="rules")[1].by_rule == 0


def test_sentences_are_taught_by_the_encoder_and_made_ones_by_their_rule(folder):
    answers = ask(folder)
    space, teaching = consulted(folder)
    plain = teachers.consult(space)
    raw, cleaned = space.reviews.sentences()
    rules = space.reviews.rules()
    made = rules != corpus.NO_RULE
    assert [*teaching.unlabelled] == [*plain.unlabelled, *cleaned] and made[-1] and not made[0]
    np.testing.assert_array_equal(teaching.logits["unlabelled"][: len(plain.unlabelled)], plain.logits["unlabelled"])
    said = teaching.logits["unlabelled"][len(plain.unlabelled) :]
    np.testing.assert_array_equal(said[~made], answers.find(raw)[1][~made])
    np.testing.assert_array_equal(said[made], 11.0 * rules[made] - 5.5)
    np.testing.assert_array_equal(teaching.logits["train"], plain.logits["train"])  # it was not asked about the reviews
    assert teaching.files == (*plain.files, manifest.SENTENCES, manifest.ANSWERS)
    about = {"teacher": answers.teacher, "sentences": int((~made).sum()), "sentences_not_known": 0}
    assert teaching.about() == {"unlabelled_reviews": 270, "answers": about, "by_rule": int(made.sum())}
    assert teaching.about(heard=False) == {"unlabelled_reviews": 270}
    by_encoder = consulted(folder, rules=False)[1]
    np.testing.assert_array_equal(by_encoder.logits["unlabelled"][len(plain.unlabelled) :], answers.find(raw)[1])
    assert by_encoder.answers["sentences"] == len(raw) and by_encoder.by_rule == 0
    assert [*consulted(folder, answers="none")[1].unlabelled] == [*plain.unlabelled]


def test_a_student_and_a_chain_learn_from_them_and_say_so(folder):
    ask(folder)
    run_stage("6_combination.py", folder, "--epochs", "1")
    said = record(folder, "pocket_2_distil")
    assert said["answers"]["sentences"] > 700 and said["answers"]["teacher"]["name"] == "default/pocket.zip" and said["by_rule"] > 290
    assert said["inputs"][manifest.ANSWERS] == files.sha256(folder / manifest.ANSWERS) and manifest.SENTENCES in said["inputs"]
    assert "answers" in record(folder, "pocket")


def test_a_bag_of_words_learns_from_them_too_as_a_rival(folder):
    with pytest.raises(UserError, match=r"--only taught_11900 learns from an encoder's answers, and it knows none -> run python ask\.py"):
        run_stage("classical.py", folder, "--only", "taught_11900")
    ask(folder)
    for name in ("packed_11900", "taught_11900"):
        run_stage("classical.py", folder, "--only", name)
    plain, taught = (record(folder, name) for name in ("packed_11900", "taught_11900"))
    assert taught["answers"]["sentences"] > 700 and taught["by_rule"] > 290
    assert taught["inputs"][manifest.ANSWERS] == files.sha256(folder / manifest.ANSWERS)
    weights = [one["sentence_weight"] for one in taught["answers"]["tried"]]
    assert taught["answers"]["sentence_weight"] in weights == [0.01, 0.03, 0.1, 0.3, 1.0]
    assert all(0.3 < one["cases_for_choosing"] < 0.9 for one in taught["answers"]["tried"])
    assert "answers" not in plain and plain["outputs"] != taught["outputs"] and "taught by an encoder" in taught["technique"]
    raw, _ = corpus.load(folder).sentences()
    said = Answers.load(folder / manifest.ANSWERS, "").find(raw)[1] > 0
    agreed = {}
    for name in ("packed_11900", "taught_11900"):
        agreed[name] = np.mean((registry.open_model(folder / f"{name}.zip").predict_raw(raw) > 0.5) == said)
    assert agreed["taught_11900"] > agreed["packed_11900"]


def test_made_sentences_stand_behind_the_cut_ones(folder, sample_csv, tmp_path):
    made = [text for text, _ in grammar.made(300) if not comprehension.near(text)]
    raw, _ = corpus.load(folder).sentences()
    assert set(made) <= set(raw) and raw[-1] in made and raw[0] not in made
    assert any(comprehension.near(text) for text, _ in grammar.made(10_000))  # else there would be nothing to leave out
    cases = {words_of(case.text) for case in comprehension.cases()}
    assert cases.isdisjoint(map(words_of, raw))
    frame = pd.read_csv(sample_csv)
    frame["sentiment"] = frame["sentiment"].map({"negative": "bad", "positive": "good"})
    frame.to_csv(tmp_path / "others.csv", index=False)
    run_stage(STAGES[0], tmp_path / "others", "--data", str(tmp_path / "others.csv"), "--sentences", "0", "--passages", "0")
    assert [*map(len, corpus.load(tmp_path / "others").sentences())] == [0, 0]  # of other labels nothing is made
    russian = pd.DataFrame(
        {"review": [f"Фильм номер {number}, очень длинный" for number in range(60)], "sentiment": ["positive", "negative"] * 30}
    )
    russian.to_csv(tmp_path / "russian.csv", index=False)
    run_stage(STAGES[0], tmp_path / "russian", "--data", str(tmp_path / "russian.csv"), "--sentences", "0", "--passages", "0")
    assert [*map(len, corpus.load(tmp_path / "russian").sentences())] == [0, 0]  # nor beside texts of another language


def test_passages_are_turned_round_as_well(folder, sample_csv, tmp_path):
    raw, _ = corpus.load(folder).sentences()
    by_rule = [turned for text in raw if is_passage(text) and (turned := turning.turned(text))]
    found = [text for text in by_rule if text in set(raw)]
    assert len(found) > 60  # some are turned back
    kinds = Counter(load_stage("benchmarks/teaching.py").kinds_of(raw))
    assert kinds["passages"] == 100 and 60 < kinds["turned"] <= len(found) and kinds["made"] > 250 and kinds["sentences"] > 500
    flags = ("--data", str(sample_csv), "--sentences", "0", "--made-sentences", "0", "--passages", "50", "--turned-passages")
    for wanted in (0, 20):
        run_stage(STAGES[0], tmp_path / "other", *flags, str(wanted))
        assert len(corpus.load(tmp_path / "other").sentences()[0]) == 50 + wanted


def test_the_encoders_share_in_reviews_is_chosen_on_validation(folder, sample_csv):
    answers = ask(folder, "--texts", sample_csv)
    space, teaching = consulted(folder)
    plain, about = teachers.consult(space), teaching.answers
    assert 0 <= about["share_of_shorter"] <= 1 and 0 <= about["share_of_longer"] <= 1 and about["longer_than_words"] > 50
    # The published pocket model has learned far more than the base of these few reviews: it is heard.
    assert max(about["share_of_shorter"], about["share_of_longer"]) > 0.5
    assert not np.array_equal(teaching.logits["train"], plain.logits["train"])
    assert space.accuracy(teaching.logits["validation"]) >= space.accuracy(plain.logits["validation"])
    others = ~answers.find(plain.unlabelled)[0]  # a short one may be a sentence as well
    assert others.sum() > 260
    np.testing.assert_array_equal(teaching.logits["unlabelled"][:270][others], plain.logits["unlabelled"][others])


def test_the_encoder_has_its_share_in_varied_texts_that_it_was_asked_about(folder, sample_csv):
    answers = ask(folder, "--texts", sample_csv, "--varied", 0.2)
    made = corpus.load(folder).varied(0.2)
    assert len(made) > 200 and answers.find(made)[0].all()
    space, teaching = consulted(folder, varied=0.3, use_unlabelled=False)
    plain, about, known = teachers.consult(space), teaching.answers, slice(0, len(made))
    assert list(teaching.unlabelled[known]) == list(made)
    assert about["reviews"] == len(made) + sum(map(len, (space.labels[s] for s in SPLITS)))
    said = answers.find(made)[1]
    longer = np.array([len(words_of(text).split()) > about["longer_than_words"] for text in made])
    share = np.where(longer, about["share_of_longer"], about["share_of_shorter"]).astype(np.float32)
    expected = (1 - share) * plain.logits["unlabelled"][known] + share * said
    np.testing.assert_allclose(teaching.logits["unlabelled"][known], expected, rtol=1e-4, atol=1e-4)
    rest = slice(known.stop, known.stop + round(0.1 * len(space.labels["train"])))
    np.testing.assert_array_equal(teaching.logits["unlabelled"][rest], plain.logits["unlabelled"][rest])


def test_only_an_encoder_answers_in_mixed_precision(folder):
    with pytest.raises(UserError, match=r"--precision mixed: .*pocket\.zip is no encoder in PyTorch -> give --precision float32"):
        ask(folder, "--precision", "mixed")


def test_published_answers_serve_the_texts_and_the_split_that_they_were_made_for(folder, tmp_path, monkeypatch):
    raw, fits = corpus.load(folder).sentences()[0], [files.sha256(folder / "reviews.csv")]
    place = tmp_path / "project" / encoder_answers.PUBLISHED
    monkeypatch.setattr(encoder_answers, "SCRIPTS", tmp_path / "project")
    texts = [*raw[: len(raw) * 2 // 3], "A sentence of another folder."]
    Answers.of(texts, np.zeros(len(texts)), LABELS, ABOUT, ["of another split"]).save(place / "another.npz")
    Answers.of(texts, np.zeros((len(texts), 3)), ("a", "b", "c"), ABOUT, fits).save(place / "classes.npz")
    assert consulted(folder)[1].answers is None
    Answers.of(texts, np.linspace(-3, 3, len(texts)), LABELS, ABOUT, [*fits, "of another split"]).save(place / "english.npz")
    _, teaching = consulted(folder, rules=False)
    assert teaching.answers["sentences"] == len(raw) * 2 // 3 and teaching.answers["sentences_not_known"] == len(raw) - len(raw) * 2 // 3
    assert manifest.ANSWERS not in teaching.files and not (folder / manifest.ANSWERS).exists()


def test_answers_of_a_file_leave_those_of_the_folder_alone(folder, tmp_path, capsys):
    ask(folder)
    before, fits = (folder / manifest.ANSWERS).read_bytes(), [files.sha256(folder / "reviews.csv")]
    raw = corpus.load(folder).sentences()[0]
    Answers.of(raw[:10], np.ones(10), LABELS, ABOUT, fits).save(tmp_path / "others.npz")
    _, teaching = consulted(folder, answers=str(tmp_path / "others.npz"), rules=False)
    assert teaching.answers["sentences"] == 10 and teaching.answers["teacher"] == ABOUT
    assert f"answers of folder/model to 10 of {len(raw):,} sentences, not asked about the reviews" in capsys.readouterr().out
    assert (folder / manifest.ANSWERS).read_bytes() == before


def test_another_teachers_answers_are_not_replaced_by_mistake(folder):
    fits = [files.sha256(folder / "reviews.csv")]
    Answers.of(["Another text."], np.zeros(1), LABELS, ABOUT, fits).save(folder / manifest.ANSWERS)
    with pytest.raises(UserError, match=r"answers\.npz holds the answers of another teacher -> pass --fresh to replace them"):
        ask(folder)
    assert ask(folder, "--fresh").teacher["name"] == "default/pocket.zip"


def test_a_teacher_that_knows_the_test_texts_is_refused(run, sample_csv, tmp_path):
    """The run's base learned from the training texts of the run: in a folder that is split otherwise some are test texts."""
    other = tmp_path / "other"
    reviews = corpus.load(run)
    swapped = reviews.table.assign(split=reviews.table.frame["split"].map({"train": "test", "test": "train", "validation": "validation"}))
    about = {key: reviews.about[key] for key in ("recipe", "task", "settings", "flags", "stage")}
    corpus_making.save(swapped, None, None, about, other)
    with pytest.raises(UserError, match=r"modelo_base\.keras learned from 1,\d+ texts that .*other holds out -> run python .*--held-out"):
        flags = ["--artifacts", str(other), "--teacher", str(run / "modelo_base.keras")]
        load_stage(manifest.ASKING).main([*flags, "--texts", str(sample_csv)])


def test_what_is_refused(folder, tmp_path):
    fits = [files.sha256(folder / "reviews.csv")]
    with pytest.raises(UserError, match=r"no teacher is named -> pass --teacher FILE"):
        load_stage(manifest.ASKING).main(["--artifacts", str(folder)])
    with pytest.raises(UserError, match=r"nobody\.zip is missing -> name an existing model file"):
        load_stage(manifest.ASKING).main(["--artifacts", str(folder), "--teacher", "nobody.zip"])
    with pytest.raises(UserError, match=r"no\.csv is missing -> pass --texts with an existing CSV"):
        ask(folder, "--texts", "no.csv")
    with pytest.raises(UserError, match=r"nothing\.npz is missing -> run python ask\.py .*--teacher FILE, or pass --answers none"):
        consulted(folder, answers=str(tmp_path / "nothing.npz"))
    of_others = tmp_path / "others.npz"
    Answers.of(["Another text."], np.zeros(1), LABELS, ABOUT, fits).save(of_others)
    with pytest.raises(UserError, match=r"others\.npz knows none of the sentences of .* -> run python ask\.py"):
        consulted(folder, answers=str(of_others))
    Answers.of(["Another text."], np.zeros(1), LABELS, ABOUT, ["of another split"]).save(of_others)
    with pytest.raises(UserError, match=r"others\.npz was not made for the texts and the split of .* -> run python ask\.py"):
        consulted(folder, answers=str(of_others))
    Answers.of(["Another text."], np.zeros(1), ("bad", "good"), ABOUT, fits).save(of_others)
    with pytest.raises(UserError, match=r"has the labels bad, good -> give answers of negative, positive"):
        consulted(folder, answers=str(of_others))
    (folder / manifest.ANSWERS).write_bytes(b"no")
    with pytest.raises(UserError, match=r"answers\.npz cannot be read .* -> delete it, and run ask\.py again"):
        ask(folder)


def test_a_folder_without_sentences_has_nothing_to_ask_about(sample_csv, tmp_path):
    run_stage(STAGES[0], tmp_path / "none", "--data", str(sample_csv), "--sentences", "0", "--passages", "0", "--made-sentences", "0")
    assert [*map(len, corpus.load(tmp_path / "none").sentences())] == [0, 0] and not (tmp_path / "none" / manifest.SENTENCES).exists()
    with pytest.raises(UserError, match=r"holds no sentences -> run python 1_data_preprocessing\.py .*--sentences 60000, or pass --texts"):
        ask(tmp_path / "none")


def test_no_sentence_is_a_held_out_text_or_a_behaviour_case(sample, tmp_path):
    """A training review quotes each test text as a sentence, spelled otherwise; and a case; and has an odd line end."""
    frame = sample.iloc[:200].copy()
    frame["review"] = [f"This is _really_ short text number {number}." for number in range(200)]
    frame["sentiment"] = frame["label"].map({0: "negative", 1: "positive"})
    frame[["review", "sentiment"]].to_csv(tmp_path / "short.csv", index=False)
    run_stage(STAGES[0], tmp_path / "short", "--data", str(tmp_path / "short.csv"))
    reviews = corpus.load(tmp_path / "short").table.frame
    held = [frame["review"].iloc[row] for row in reviews.query("split != 'train'")["row"]]
    quoting = frame.columns.get_loc("review"), int(reviews.query("split == 'train'")["row"].iloc[0])
    case = comprehension.cases()[0].text
    quoted = " ".join(f"{text[:-1].upper()}!" for text in held)
    frame.iloc[quoting[1], quoting[0]] = f"{quoted} {case} I liked the ending\rand the music too. It was a film for me."
    frame[["review", "sentiment"]].to_csv(tmp_path / "quoting.csv", index=False, quoting=csv.QUOTE_ALL)
    for recipe in ("default", "thesis"):
        flags = ("--data", str(tmp_path / "quoting.csv"), "--recipe", recipe, "--sentences", "50000")
        run_stage(STAGES[0], tmp_path / recipe, *flags)
        reviews = corpus.load(tmp_path / recipe)
        raw, cleaned = reviews.sentences()
        assert len(reviews.table) == 200 and {*reviews.texts("test"), *reviews.texts("validation")}.isdisjoint(cleaned)
        assert {"I liked the ending", "and the music too.", "It was a film for me."} <= set(raw) and case not in raw


def test_sentences_that_somebody_changed_are_refused(folder):
    frame = pd.read_csv(folder / manifest.SENTENCES)
    frame.iloc[:-1].to_csv(folder / manifest.SENTENCES, index=False)
    with pytest.raises(UserError, match=r"sentences\.csv is not the file that reviews\.json describes"):
        corpus.load(folder).sentences()
    assert cut(frame["text"][0]) == [frame["text"][0]]
