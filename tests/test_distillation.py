"""Techniques of distillation against NumPy, on a toy whose teacher knows more than the labels; teachers and their files."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import load_stage, record
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from sentipress.core import cli, errors, files
from sentipress.core.backend import deterministic, tf
from sentipress.data import corpus, stored
from sentipress.data.cleaning import clean
from sentipress.data.task import SENTIMENT, Task
from sentipress.evaluation import records
from sentipress.lstm import distillation, networks, training
from sentipress.pipeline import teachers, workspace
from sentipress.runtimes import registry
from sentipress.runtimes.keras_file import predictor
from sentipress.text.batching import with_longer_again, with_repeats
from sentipress.text.tokenizer import Tokenizer

SPEC = networks.ModelSpec(2000, 80, 8, 6, True, "wide", 0.2, 0.2)
THREE = Task(("negative", "neutral", "positive"))
COLUMNS = 32  # pooled features of SPEC


@pytest.fixture(scope="module")
def data(sample):
    texts = [clean(text, "default") for text in sample["review"]]
    tokenizer = Tokenizer.fit(texts[:1200], 2000, sequence_length=80, padding="post", truncating="pre", cleaning="default")
    return tokenizer.encode(texts), sample["label"].to_numpy(np.float32)


# Losses


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def numpy_kl(teacher, student, temperature):
    p, q = sigmoid(teacher / temperature), sigmoid(student / temperature)
    return p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))


def numpy_response(labels, labelled, teacher, student, alpha, temperature):
    hard = -labels * np.log(sigmoid(student)) - (1 - labels) * np.log(1 - sigmoid(student))
    weight = alpha * labelled
    return weight * hard + (1 - weight) * temperature**2 * numpy_kl(teacher, student, temperature)


def numpy_huber(x):
    return np.where(np.abs(x) <= 1, x**2 / 2, np.abs(x) - 0.5)


def numpy_relations(teacher, student):
    def distances(f):
        d = np.array([[np.sqrt(((a - b) ** 2).sum()) for b in f] for a in f])
        return d / (d.sum() / (len(f) * (len(f) - 1)))

    def cosines(f):
        n = len(f)
        found = np.zeros((n, n, n))
        for i in range(n):
            for j in range(n):
                for k in range(n):
                    a, b = f[j] - f[i], f[k] - f[i]
                    found[i, j, k] = 0 if i in (j, k) else a @ b / np.sqrt((a @ a) * (b @ b))
        return found

    return (
        numpy_huber(distances(teacher) - distances(student)).mean(axis=1),
        numpy_huber(cosines(teacher) - cosines(student)).mean(axis=(1, 2)),
    )


@pytest.fixture
def example():
    """Labels, whether there is one, teacher's and student's logits and features of 12 reviews."""
    random = np.random.default_rng(0)
    labels, labelled = random.integers(0, 2, 12).astype(np.float64), (np.arange(12) < 8).astype(np.float64)
    teacher, student = random.normal(0, 3, 12), random.normal(0, 3, 12)
    return labels, labelled, teacher, student, random.normal(0, 1, (12, 5)), random.normal(0, 1, (12, 5))


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [0.75, 1.0, 5.0])
def test_the_response_is_numpys_and_not_zero(example, alpha, temperature):
    labels, labelled, teacher, student, *_ = example
    targets = tf.constant(np.stack([labels, labelled, teacher], axis=1))
    loss = distillation.response(targets, tf.constant(student[:, None]), targets[:, 2:], alpha, temperature)
    np.testing.assert_allclose(loss, numpy_response(labels, labelled, teacher, student, alpha, temperature), rtol=1e-9)
    soft = distillation.bernoulli_kl(tf.constant(teacher), tf.constant(student), temperature).numpy()
    assert (soft > 0).all() and soft.mean() > 0.05
    assert np.allclose(distillation.bernoulli_kl(tf.constant(teacher), tf.constant(teacher), temperature), 0)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("temperature", [0.75, 1.0, 5.0])
def test_the_response_of_three_labels_is_numpys_and_not_zero(alpha, temperature):
    random = np.random.default_rng(0)
    teacher, student = random.normal(0, 3, (12, 3)), random.normal(0, 3, (12, 3))
    labels, labelled = random.integers(0, 3, 12), np.arange(12) < 8
    targets = tf.constant(np.concatenate([labels[:, None], labelled[:, None], teacher], axis=1))
    divergence = [entropy(softmax(t / temperature), softmax(s / temperature)) for t, s in zip(teacher, student, strict=True)]
    soft = distillation.categorical_kl(tf.constant(teacher), tf.constant(student), temperature).numpy()
    np.testing.assert_allclose(soft, divergence, rtol=1e-9)
    assert (soft > 0).all() and soft.mean() > 0.05
    assert np.allclose(distillation.categorical_kl(tf.constant(teacher), tf.constant(teacher + 5), temperature), 0)  # a shift is no answer
    loss = distillation.response(targets, tf.constant(student), targets[:, 2:], alpha, temperature)
    weight = alpha * labelled
    hard = -log_softmax(student, axis=1)[np.arange(12), labels]
    np.testing.assert_allclose(loss, weight * hard + (1 - weight) * temperature**2 * np.array(divergence), rtol=1e-9)
    # Two labels as two outputs are the same as one output for the last of them.
    one, other = student[:, 0], teacher[:, 0]
    pairs = [tf.constant(np.stack([np.zeros(12), logits], axis=1)) for logits in (other, one)]
    np.testing.assert_allclose(
        distillation.categorical_kl(*pairs, temperature),
        distillation.bernoulli_kl(tf.constant(other), tf.constant(one), temperature),
        rtol=1e-6,
    )


def test_features_and_relations_are_numpys(example):
    *_, teacher, student = example
    np.testing.assert_allclose(distillation.feature_distance(teacher, student), ((teacher - student) ** 2).mean(axis=1), rtol=1e-9)
    distance, angle = numpy_relations(teacher, student)
    np.testing.assert_allclose(distillation.relational_distance(teacher, student), distance, rtol=1e-6)
    np.testing.assert_allclose(distillation.relational_angle(teacher, student), angle, rtol=1e-6)
    # Relations do not change when a student's space is turned, moved and stretched; features do.
    turned = 3 * teacher @ np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0] + 1
    assert np.allclose(distillation.relational_distance(teacher, turned), 0, atol=1e-9)
    assert np.allclose(distillation.relational_angle(teacher, turned), 0, atol=1e-9)
    assert distillation.feature_distance(teacher, turned).numpy().mean() > 1


@pytest.mark.parametrize("technique", distillation.TECHNIQUES)
def test_each_technique_adds_up_its_parts(example, technique):
    labels, labelled, teacher, student, known, own = example
    targets = distillation.targets_of(SENTIMENT, labels[:8], teacher[:8], teacher[8:], known)
    labels = np.concatenate([labels[:8], teacher[8:] > 0])
    np.testing.assert_allclose(targets[:, :3], np.stack([labels, labelled, teacher], axis=1), rtol=1e-6)
    distiller = distillation.Distiller(technique, SPEC, None, alpha=0.3, temperature=2.0, feature_weight=0.7, teacher_features=5)
    peer = teacher[::-1].copy()
    outputs = np.concatenate([student[:, None], peer[:, None] if technique == "online" else own], axis=1).astype(np.float32)
    expected = numpy_response(labels, labelled, teacher, student, 0.3, 2.0)
    if technique == "feature":
        expected = expected + 0.7 * ((known - own) ** 2).mean(axis=1)
    if technique == "relation":
        distance, angle = numpy_relations(known, own)
        expected = expected + 0.7 * (distance + 2 * angle.mean())
    if technique == "online":
        expected = numpy_response(labels, labelled, peer, student, 0.3, 2.0) + numpy_response(labels, labelled, student, peer, 0.3, 2.0)
    np.testing.assert_allclose(distiller.loss(tf.constant(targets), tf.constant(outputs)), expected, rtol=1e-3)


@pytest.mark.parametrize("task", [SENTIMENT, THREE], ids=["two", "three"])
def test_edited_pairs_are_taught_by_their_labels_and_read_more_often(task):
    labels = np.array([1.0, 0, 1, 0])
    logits = np.full((4,) if task.binary else (4, 3), -2, np.float32)
    targets = distillation.targets_of(task, labels, logits, logits[:1])
    assert with_repeats(5, np.array([0, 3]), 3).tolist() == [0, 1, 2, 3, 4, 0, 3, 0, 3]
    assert with_repeats(5, np.zeros(0, np.int64), 8).tolist() == [0, 1, 2, 3, 4]
    assert with_longer_again(5, np.array([0]), 2, 3, 1).tolist() == [0, 1, 2, 3, 4, 0]
    assert with_longer_again(5, np.array([0]), 2, 3, 3).tolist() == [0, 1, 2, 3, 4, 0, 0, 1, 0, 0, 1, 0]
    more = distillation.sure_of_pairs(task, targets, np.array([0, 3]))
    np.testing.assert_array_equal(more[[1, 2, 4]], targets[[1, 2, 4]])
    sure = task.probabilities(more[[0, 3], 2:][:, 0] if task.binary else more[[0, 3], 2:])
    assert list(task.decide(sure)) == [1, 0] and np.allclose(sure, [0.953, 0.047] if task.binary else sure, atol=1e-3)
    np.testing.assert_array_equal(distillation.sure_of_pairs(task, targets, np.zeros(0, np.int64)), targets)


@pytest.mark.parametrize("technique", distillation.TECHNIQUES)
def test_each_technique_adds_up_its_parts_for_three_labels(technique):
    random = np.random.default_rng(0)
    teacher, student, peer = (random.normal(0, 3, (12, 3)) for _ in range(3))
    known, own = (random.normal(0, 1, (12, 5)) for _ in range(2))
    targets = distillation.targets_of(THREE, np.array([0.0, 1, 2, 2, 1, 0, 1, 2]), teacher[:8], teacher[8:], known)
    assert targets[:, 0].tolist() == [0, 1, 2, 2, 1, 0, 1, 2, *teacher[8:].argmax(axis=1)] and targets.shape == (12, 2 + 3 + 5)
    spec = networks.ModelSpec(300, 20, 4, 3, True, "wide", 0.2, 0.2, outputs=3)
    distiller = distillation.Distiller(technique, spec, None, alpha=0.3, temperature=2.0, feature_weight=0.7, teacher_features=5)
    extra = {"online": 3, "feature": 5, "relation": spec.embedding_dim + 4 * spec.units}.get(technique, 0)
    assert distiller.model.output_shape == (None, 3 + extra) and distiller.student.output_shape == (None, 3)
    outputs = np.concatenate([student, peer if technique == "online" else own], axis=1).astype(np.float32)

    def numpy_loss(teaching, taught):
        weight = 0.3 * (np.arange(12) < 8)
        divergence = entropy(softmax(teaching / 2, axis=1), softmax(taught / 2, axis=1), axis=1)
        hard = -log_softmax(taught, axis=1)[np.arange(12), targets[:, 0].astype(int)]
        return weight * hard + (1 - weight) * 4 * divergence

    expected = numpy_loss(teacher, student)
    if technique == "feature":
        expected = expected + 0.7 * ((known - own) ** 2).mean(axis=1)
    if technique == "relation":
        distance, angle = numpy_relations(known, own)
        expected = expected + 0.7 * (distance + 2 * angle.mean())
    if technique == "online":
        expected = numpy_loss(peer, student) + numpy_loss(student, peer)
    np.testing.assert_allclose(distiller.loss(tf.constant(targets), tf.constant(outputs)), expected, rtol=1e-3)


def test_the_response_pulls_the_student_to_the_teacher_and_is_finite_far_out():
    student = tf.Variable([[0.5], [0.5], [500.0], [0.5]])
    targets = tf.constant([[0.0, 1, 4], [1, 1, -4], [0, 1, -500], [1, 0, -4]])
    with tf.GradientTape() as tape:
        loss = distillation.response(targets, student, targets[:, 2:], 0.0, 2.0)
    gradient = tape.gradient(loss, student).numpy()[:, 0]
    assert gradient[0] < 0 < gradient[1] and np.isfinite(loss).all() and np.isfinite(gradient).all() and gradient[2] > 0 < gradient[3]
    with tf.GradientTape() as tape:  # the label does not pull where there is none
        loss = distillation.response(targets, student, targets[:, 2:], 1.0, 2.0)
    gradient = tape.gradient(loss, student).numpy()[:, 0]
    assert gradient[0] > 0 > gradient[1] and gradient[3] > 0
    far = tf.Variable([[500.0, 0.0, -500.0]])
    with tf.GradientTape() as tape:
        loss = distillation.response(tf.constant([[2.0, 1, -500, 0, 500]]), far, tf.constant([[-500.0, 0, 500]]), 0.5, 2.0)
    gradient = tape.gradient(loss, far).numpy()[0]
    assert np.isfinite(loss).all() and np.isfinite(gradient).all() and gradient[0] > 0 > gradient[2]


def test_peers_do_not_pull_each_others_targets():
    """Each student's gradient is that of its own loss with the other one held still."""
    targets = tf.constant([[1.0, 0, 0], [0, 0, 0]])
    distiller = distillation.Distiller("online", SPEC, None, alpha=0.0, temperature=1.0)
    outputs = tf.Variable([[2.0, -1.0], [0.3, 0.1]])
    with tf.GradientTape() as tape:
        loss = distiller.loss(targets, outputs)
    one, other = outputs.numpy().T
    np.testing.assert_allclose(
        tape.gradient(loss, outputs), np.stack([sigmoid(one) - sigmoid(other), sigmoid(other) - sigmoid(one)], axis=1), rtol=1e-5
    )


# Training


@pytest.fixture(scope="module")
def toy(data, tmp_path_factory):
    """Accuracy by technique. Labels are wrong for 4 of 10 training reviews; the teacher's logits and features are right."""
    ids, labels = data
    folder = tmp_path_factory.mktemp("toy")
    random = np.random.default_rng(0)
    noisy = np.where(random.random(1200) < 0.4, 1 - labels[:1200], labels[:1200])
    truth = labels[:1200] * 2 - 1
    features = (truth[:, None] * random.normal(1, 0.3, COLUMNS) + random.normal(0, 0.3, (1200, COLUMNS))).astype(np.float32)
    plan = training.TrainingPlan(5, 32, 0.02, "cosine", 9, False, True, 5)
    zero = np.zeros(1200, np.float32)
    # A teacher that says nothing by its logits: what is learned beyond the noisy labels comes from the features.
    lessons = {
        "control": ("response", 1.0, 0.0, zero),
        "response": ("response", 0.1, 0.0, truth * 3),
        "feature": ("feature", 1.0, 3.0, zero),
        "relation": ("relation", 1.0, 30.0, zero),
    }
    found = {}
    for name, (technique, alpha, weight, logits) in lessons.items():
        targets = distillation.targets_of(SENTIMENT, noisy, logits, np.zeros(0), features)
        targets = targets if distillation.TECHNIQUES[technique].needs_features else targets[:, :3]
        deterministic(1)
        distiller = distillation.Distiller(
            technique, SPEC, None, alpha=alpha, temperature=2.0, feature_weight=weight, teacher_features=COLUMNS
        )
        checkpoint = folder / f"{name}.npz"
        train, validation = (ids[:1200], targets), (ids[1200:], labels[1200:])
        training.train(distiller.model, train, validation, plan, SENTIMENT, checkpoint, {}, loss=distiller.loss)
        logits = predictor(distiller.student, bucketed=True)(ids[1200:])[:, 0]
        found[name] = float(np.mean((logits > 0) == (labels[1200:] > 0.5)))
    return found


@pytest.mark.parametrize("technique", ["response", "feature", "relation"])
def test_a_teacher_that_knows_more_than_the_labels_helps(toy, technique):
    """A zero loss could not: the control is the same training without it."""
    assert toy[technique] > toy["control"] + 0.05, toy


def test_two_students_learn_together_and_are_two(data, tmp_path):
    ids, labels = data
    deterministic(1)
    distiller = distillation.Distiller("online", SPEC, None, alpha=0.5, temperature=1.0)
    targets = distillation.targets_of(SENTIMENT, labels[:1200], np.zeros(1200), np.zeros(0))
    plan = training.TrainingPlan(3, 32, 0.02, "cosine", 9, False, True, 5)
    train, validation = (ids[:1200], targets), (ids[1200:], labels[1200:])
    training.train(distiller.model, train, validation, plan, SENTIMENT, tmp_path / "c.npz", {}, loss=distiller.loss)
    both = predictor(distiller.model, bucketed=True)(ids[1200:])
    right = ((both > 0) == (labels[1200:, None] > 0.5)).mean(axis=0)
    assert (right > 0.65).all() and not np.allclose(both[:, 0], both[:, 1], atol=0.05)
    assert networks.to_stock(distiller.student, SPEC).count_params() == networks.count_parameters(SPEC)


# Teachers, on the run of all stages


def opened(artifacts, **changes):
    settings = cli.settings(load_stage("5_distillation.py").__file__, ["--artifacts", str(artifacts), "--no-deployment"])
    for name, value in changes.items():
        setattr(settings, name, value)
    return workspace.Workspace.open(settings)


@pytest.fixture
def folder(run, tmp_path):
    return shutil.copytree(run, tmp_path / "artifacts", ignore=shutil.ignore_patterns("teacher_*", "logs", "figures"))


def test_teachers_are_asked_once_and_averaged(folder, monkeypatch):
    space, _ = opened(folder)
    others = space.reviews.unlabelled()
    names = ["modelo_base", "modelo_DRQ", "classical_pairs", "pocket", "pocket_2_distil"]
    teaching = teachers.ask(space, names, others)
    assert {split: len(values) for split, values in teaching.logits.items()} == {
        "train": len(space.labels["train"]),
        "validation": len(space.labels["validation"]),
        "unlabelled": 270,
    }
    made = ("modelo_base.keras", "modelo_DRQ.tflite", "classical_pairs.npz", "pocket.zip", "pocket_2_distil.keras")
    assert teaching.files == (*made, "unlabelled.csv")
    single = [teachers.ask(space, [name], others).logits for name in names]
    for split, values in teaching.logits.items():
        np.testing.assert_allclose(values, np.mean([answer[split] for answer in single], axis=0), rtol=1e-5)
    for name, answer in zip(names, single, strict=True):  # the validation answers are those that were scored
        saved = SENTIMENT.logits(records.load_probabilities(folder, name)["validation"])
        np.testing.assert_allclose(answer["validation"], saved, atol=2e-3)
    monkeypatch.setattr(teachers, "_judge", None)  # saved answers need no model
    np.testing.assert_array_equal(teachers.ask(space, names, others).logits["train"], teaching.logits["train"])
    for name, size in (("PIECE", 30), ("IN_MEMORY_BYTES", 1000), ("BUFFER", 5000)):
        monkeypatch.setattr(stored, name, size)
    lying = opened(folder)[0]  # texts that lie in a file are the same question
    np.testing.assert_array_equal(teachers.ask(lying, names, lying.reviews.unlabelled()).logits["train"], teaching.logits["train"])
    with pytest.raises(TypeError):  # fewer reviews are another question
        teachers.ask(space, names, others[:0])
    (folder / "teacher_modelo_base.npz").write_bytes(b"PK\x03\x04 half")
    with pytest.raises(TypeError):
        teachers.ask(space, names, others)


def test_a_control_reads_as_many_words_as_a_student():
    labelled = np.array([[5, 6, 7, 8], [5, 6, 0, 0]], np.int32)
    short = np.array([[5, 0, 0, 0]] * 9, np.int32)  # nine more words in nine more texts
    assert training.labelled_epochs(4, labelled, np.concatenate([labelled, short])) == 10
    assert training.labelled_epochs(3, labelled, labelled) == 3


def test_teachers_are_asked_about_varied_texts_too(folder, tmp_path):
    space, _ = opened(folder)
    space.settings.varied = 0.5
    plain = teachers.consult(space)
    assert plain.about() == {"unlabelled_reviews": 270}  # they stand in for texts that nobody made
    space.settings.use_unlabelled = False
    teaching = teachers.consult(space)
    made, count = [*teaching.unlabelled], round(0.5 * len(space.labels["train"]))
    assert len(made) == count == teaching.varied and "unlabelled.csv" not in teaching.files
    assert teaching.about() == {"unlabelled_reviews": 0, "varied_texts": count}
    held_out = {text for split in ("train", "validation", "test") for text in space.reviews.texts(split)}
    assert held_out.isdisjoint(made) and [*teachers.consult(space).unlabelled] == made
    np.testing.assert_allclose(teaching.logits["train"], plain.logits["train"], rtol=1e-5, atol=1e-6)
    assert (folder / "teacher_modelo_base.npz").is_file() and (folder / "teacher_modelo_base_varied.npz").is_file()
    space.settings.seed += 1  # the same texts for every seed, so that a teacher is asked about them once
    assert [*teachers.consult(space).unlabelled] == made
    assert [*space.reviews.varied(0.25)] == made[: round(0.25 * len(space.labels["train"]))] and not space.reviews.varied(0)
    space.settings.teacher = str(tmp_path / "bert.npz")
    with pytest.raises(errors.UserError, match="a file says nothing of varied texts -> pass --varied 0"):
        teachers.consult(space)


def test_a_teacher_of_another_folder_and_a_file_of_probabilities(folder, run, tmp_path):
    space, _ = opened(folder)
    others = space.reviews.unlabelled()
    there = teachers.ask(space, [f"{run}/modelo_base"], others)
    np.testing.assert_array_equal(there.logits["train"], teachers.ask(space, ["modelo_base"], others).logits["train"])
    assert there.files == ("unlabelled.csv",)
    random = np.random.default_rng(0)
    sizes = {"train": len(space.labels["train"]), "validation": len(space.labels["validation"]), "unlabelled": 270}
    given = {split: random.random(size).astype(np.float32) for split, size in sizes.items()}
    np.savez(tmp_path / "bert.npz", **given)
    found = teachers.ask(space, [str(tmp_path / "bert.npz"), "modelo_base"], others).logits["unlabelled"]
    expected = (np.log(given["unlabelled"] / (1 - given["unlabelled"])) + there.logits["unlabelled"]) / 2
    np.testing.assert_allclose(found, expected, atol=1e-3)
    np.savez(tmp_path / "short.npz", **{**given, "train": given["train"][1:]})
    np.savez(tmp_path / "logits.npz", **{**given, "train": given["train"] * 5 - 2})
    np.savez(tmp_path / "part.npz", train=given["train"])
    (tmp_path / "text.npz").write_text("no", encoding="utf-8")
    for name in ("short", "logits", "part", "text", "missing"):
        with pytest.raises(errors.UserError, match=rf"{name}\.npz.* -> give an \.npz of the probabilities train \(\d+,\), "):
            teachers.ask(space, [str(tmp_path / f"{name}.npz")], others)
    with pytest.raises(errors.UserError, match=r"nobody\.metrics\.json is missing"):
        teachers.ask(space, ["nobody"], others)
    reviews = tmp_path / "other"
    shutil.copytree(run, reviews)
    pd.read_csv(reviews / "reviews.csv").iloc[:-1].to_csv(reviews / "reviews.csv", index=False)
    metrics = reviews / "modelo_base.metrics.json"
    facts = record(reviews, "modelo_base")
    facts["inputs"]["reviews.csv"] = files.sha256(reviews / "reviews.csv")  # a run of its own, of other reviews
    metrics.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(errors.UserError, match=r"reviews\.csv is not .*reviews\.csv -> teach with a model of the same texts and split"):
        teachers.ask(space, [f"{reviews}/modelo_base"], others)


def test_the_student_is_taught_by_the_ensemble_on_unlabelled_reviews_too(run):
    about = record(run, "modelo_destilado")
    assert about["unlabelled_reviews"] == 270 and about["distillation"]["technique"] == "response"
    assert about["distillation"]["teachers"] == ["modelo_base", "classical_pairs"]
    assert {"modelo_base.keras", "classical_pairs.npz", "reviews.csv", "unlabelled.csv", "tokenizer.json"} <= set(about["inputs"])
    saved, alone = (records.load_probabilities(run, name) for name in ("modelo_destilado", "modelo_control"))
    right, right_alone = (((each["test"] > 0.5) == (each["test_label"] > 0.5)).mean() for each in (saved, alone))
    helped = about["distillation"]["to_control"]
    assert (
        helped["value"] == pytest.approx(right - right_alone)
        and helped["low"] <= helped["value"] <= helped["high"]
        and 0 <= helped["p"] <= 1
    )
    control = record(run, "modelo_control")
    reviews, tokenizer = corpus.load(run), Tokenizer.load(run / "tokenizer.json", "")
    labelled, more = (int(np.count_nonzero(tokenizer.encode(texts))) for texts in (reviews.texts("train"), reviews.unlabelled()))
    words = len(about["history"]) * (labelled + more), len(control["history"]) * labelled
    assert 0.8 <= words[0] / words[1] <= 1.25  # the same budget, in whole epochs
    assert control["settings"]["patience"] == 1 and len(control["history"]) == 3  # and no early end
    assert "modelo_control.keras" in about["inputs"]  # what it is compared with
    for name in ("modelo_destilado_self", "modelo_destilado_pseudo"):  # the same texts without a better teacher
        alone = record(run, name)
        assert alone["distillation"]["teachers"] == ["modelo_control"] and "teacher_validation_accuracy" not in alone["distillation"]
        assert alone["unlabelled_reviews"] == 270 and alone["role"] == "control"
    assert corpus.load(run).about["unlabelled"]["counts"]["kept"] == 270


def test_a_student_of_pseudo_labels_hears_nothing_else_of_the_teacher():
    logits = np.array([3.0, -0.2, 0.1, -4.0])
    targets = distillation.targets_of(SENTIMENT, np.array([0.0, 1.0]), logits[:2], logits[2:])
    targets[:, distillation.LABELLED] = 1  # as `School.teach` does
    student = np.array([[0.3], [-1.2], [2.0], [0.7]], np.float32)
    settings = SimpleNamespace(alpha=0.5, temperature=2.0, feature_weight=0.1)
    spec = networks.ModelSpec(30, 6, 4, 3, True, "wide", 0.0, 0.0)
    loss = distillation.Distiller.of(settings, "pseudo", spec, None, targets).loss(targets, student).numpy()
    labels = np.array([0, 1, 1, 0])  # two given, two that the teacher decides
    probability = 1 / (1 + np.exp(-student[:, 0]))
    np.testing.assert_allclose(loss, -np.log(np.where(labels == 1, probability, 1 - probability)), rtol=1e-5)


# The teacher as a model


def test_the_teacher_is_a_model_of_the_folder(run, tmp_path):
    about, members = record(run, "modelo_profesor"), ("modelo_base", "classical_pairs")
    assert about["model"]["members"] == ["modelo_base.keras", "classical_pairs.npz"] and about["role"] == "control"
    each = [SENTIMENT.logits(records.load_probabilities(run, name)["test"]) for name in members]
    found = records.load_probabilities(run, "modelo_profesor")["test"]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.mean(each, axis=0))), atol=1e-4)
    needed = ("modelo_profesor.ensemble", "modelo_base.keras", "classical_pairs.npz", "tokenizer.json")
    assert about["size"]["bytes"] == sum((run / name).stat().st_size for name in needed) and about["vocabulary"]["bytes"] == 0
    single = registry.open_model(run / "modelo_profesor.ensemble")
    texts = ["A wonderful film.", "Dull."]
    np.testing.assert_allclose([single.predict_raw([text])[0] for text in texts], single.predict_raw(texts), atol=1e-5)
    shutil.copytree(run, tmp_path / "copy")
    shutil.copy(run / "modelo_control.keras", tmp_path / "copy" / "modelo_base.keras")
    with pytest.raises(errors.UserError, match=r"modelo_base\.keras is not the one that modelo_profesor\.ensemble was made of -> mend"):
        registry.open_model(tmp_path / "copy" / "modelo_profesor.ensemble", remedy="mend")
    for content in ('{"schema": 1, "members": {}}', '{"schema": 1, "members": {"../x.npz": "0"}}', '{"schema": 1}', "no"):
        (tmp_path / "copy" / "modelo_profesor.ensemble").write_text(content, encoding="utf-8")
        with pytest.raises(errors.UserError, match="-> mend"):
            registry.open_model(tmp_path / "copy" / "modelo_profesor.ensemble", remedy="mend")
