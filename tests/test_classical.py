"""Bag-of-words classifiers: the file scores as scikit-learn does."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB

from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean
from sentipress.data.task import SENTIMENT, Task
from sentipress.linear import fitting
from sentipress.linear.bag_of_words import LinearModel, terms_of
from sentipress.runtimes import packed_words, registry
from sentipress.runtimes.linear_file import LinearRuntime

TOPICS = Task(("praise", "blame", "neither"))


@pytest.fixture(scope="module")
def data(sample):
    return [clean(text, "default") for text in sample["review"]], sample["label"].to_numpy(np.float32)


def test_tfidf_gives_scikit_learns_probabilities(data, tmp_path):
    texts, labels = data
    model = fitting.fit(fitting.ClassicalSpec("tfidf", 5000, 2, 3.0), texts[:1200], labels[:1200], "default")
    model.save(tmp_path / "m.npz")
    ours = LinearModel.load(tmp_path / "m.npz", "").predict(texts[1200:])
    vectorizer = TfidfVectorizer(max_features=5000, ngram_range=(1, 2), token_pattern=r"\S+", sublinear_tf=True)
    theirs = LogisticRegression(C=3.0, max_iter=1000).fit(vectorizer.fit_transform(texts[:1200]), labels[:1200])
    np.testing.assert_allclose(ours, theirs.predict_proba(vectorizer.transform(texts[1200:]))[:, 1], atol=2e-3)  # half floats
    assert np.mean((ours > 0.5) == labels[1200:]) > 0.8


def test_nb_weighting_by_hand_and_on_reviews(data, tmp_path):
    texts, labels = data
    model = fitting.fit(fitting.ClassicalSpec("nb", 20000, 2, 0.1), texts[:1200], labels[:1200], "default")
    assert np.mean((model.predict(texts[1200:]) > 0.5) == labels[1200:]) > 0.8
    model = LinearModel(("good", "not good"), np.array([1, -3], np.float16), None, np.array([0.5], np.float32), 2, "default")
    expected = 1 / (1 + np.exp(-np.array([0.5 + 1 - 3, 0.5, 0.5 + 1])))  # a term counts once
    np.testing.assert_allclose(model.predict(["not good good", "", "good good"]), expected, rtol=1e-6)
    model.save(tmp_path / "m.npz")
    runtime = LinearRuntime(tmp_path / "m.npz", "")
    np.testing.assert_array_equal(runtime.predict_raw(["<b>Not good!</b>"]), model.predict(["not good"]))
    assert runtime.known_share("not good bad") == pytest.approx(2 / 3) and runtime.known_share("") == 0


# More than two labels


@pytest.fixture(scope="module")
def three(data):
    """The reviews with a third label: neither, for texts whose words were drawn from everywhere."""
    texts, labels = data
    random = np.random.default_rng(0)
    words = np.array(" ".join(texts[:200]).split())
    drawn = [" ".join(random.choice(words, 60)) for _ in range(500)]
    mixed = random.permutation(len(texts) + len(drawn))
    return [[*texts, *drawn][row] for row in mixed], np.concatenate([1 - labels, np.full(len(drawn), 2.0)])[mixed]


def test_tfidf_of_three_labels_gives_scikit_learns_probabilities(three, tmp_path):
    texts, labels = three
    model = fitting.fit(fitting.ClassicalSpec("tfidf", 5000, 2, 3.0), texts[:1500], labels[:1500], "default", TOPICS)
    model.save(tmp_path / "m.npz")
    loaded = LinearModel.load(tmp_path / "m.npz", "")
    assert loaded.labels == TOPICS.labels == LinearRuntime(tmp_path / "m.npz", "").task.labels and loaded.weights.shape == (5000, 3)
    ours = loaded.predict(texts[1500:])
    vectorizer = TfidfVectorizer(max_features=5000, ngram_range=(1, 2), token_pattern=r"\S+", sublinear_tf=True)
    theirs = LogisticRegression(C=3.0, max_iter=1000).fit(vectorizer.fit_transform(texts[:1500]), labels[:1500])
    np.testing.assert_allclose(ours, theirs.predict_proba(vectorizer.transform(texts[1500:])), atol=2e-3)
    np.testing.assert_allclose(ours.sum(axis=1), 1, atol=1e-6)
    assert np.mean(TOPICS.decide(ours) == labels[1500:]) > 0.75


def test_nb_of_three_labels_is_scikit_learns_one_against_the_rest(three, tmp_path):
    texts, labels = three
    model = fitting.fit(fitting.ClassicalSpec("nb", 4000, 2, 0.1), texts[:1500], labels[:1500], "default", TOPICS)
    model.save(tmp_path / "m.npz")
    ours = LinearModel.load(tmp_path / "m.npz", "").predict(texts[1500:])
    vectorizer = CountVectorizer(binary=True, max_features=4000, ngram_range=(1, 2), token_pattern=r"\S+", lowercase=False)
    features = vectorizer.fit_transform(texts[:1500])
    each = []
    for number in range(3):
        positive = labels[:1500] == number
        bayes = MultinomialNB(alpha=1.0).fit(features, positive)
        ratios = sparse.diags(bayes.feature_log_prob_[1] - bayes.feature_log_prob_[0])
        classifier = LogisticRegression(C=0.1, solver="liblinear", dual=True, max_iter=1000, random_state=0)
        classifier.fit(features @ ratios, positive)
        each.append(classifier.predict_proba(vectorizer.transform(texts[1500:]) @ ratios)[:, 1])
    expected = np.stack(each, axis=1)
    np.testing.assert_allclose(ours, expected / expected.sum(axis=1, keepdims=True), atol=5e-3)
    assert np.mean(TOPICS.decide(ours) == labels[1500:]) > 0.75


def test_no_score_is_too_large_for_three_labels():
    weights = np.array([[60000, -60000, 0]], np.float16)
    for link in ("softmax", "one-vs-rest"):
        model = LinearModel(("word",), weights, None, np.zeros(3, np.float32), 1, "default", TOPICS.labels, link)
        np.testing.assert_allclose(model.predict(["word"]), [[1, 0, 0] if link == "softmax" else [2 / 3, 0, 1 / 3]], atol=1e-6)
        assert model.predict([]).shape == (0, 3)


def test_terms_and_damaged_files(tmp_path):
    assert terms_of("a b c", 3) == ["a", "b", "c", "a b", "b c", "a b c"] and terms_of("", 2) == [] and terms_of("a", 3) == ["a"]
    (tmp_path / "bad.npz").write_bytes(b"PK")
    for name in ("bad.npz", "none.npz"):
        with pytest.raises(UserError, match=name):
            LinearModel.load(tmp_path / name, "run it")


# Characters


def test_runs_of_characters_are_those_of_scikit_learn():
    texts = ["Ab  xyz, a", "привет :)", "a" * 12, "", "É"]
    for longest in (2, 3, 5):
        analyzer = CountVectorizer(analyzer="char_wb", ngram_range=(2, longest)).build_analyzer()
        for text in texts:
            assert sorted(terms_of(text, longest, "characters")) == sorted(analyzer(text))


def test_a_model_of_characters_reads_inside_words(data, tmp_path):
    texts, labels = data
    model = fitting.fit(fitting.ClassicalSpec("nb", 20000, 4, 0.1, "characters"), texts[:800], labels[:800], "plain")
    assert all(2 <= len(term) <= 4 for term in model.terms)
    path = tmp_path / "m.zip"
    packed_words.save(path, model, 8)
    with pytest.raises(ValueError, match="packed"):
        model.save(tmp_path / "m.npz")
    runtime = registry.open_model(path)
    found = runtime.predict(texts[1200:])
    np.testing.assert_allclose(found, model.predict(texts[1200:]), atol=0.1)
    assert np.mean((found > 0.5) == labels[1200:]) > 0.8
    # The misspelt word shares most of its runs with the right one.
    assert runtime.known_share("wonderfull") == 1 and runtime.known_share("замечательно") == 0 == runtime.known_share("")
    # Cut inside a word of the training texts, of either case.
    assert runtime.predict_raw(["WONDERFUL"]) == runtime.predict_raw(["wonderful"])


# Packed


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("labels", [("negative", "positive"), ("a", "b", "c")])
def test_a_package_gives_what_its_weights_give(tmp_path, bits, labels):
    terms = ("good", "bad", "not good", "not", "naïve", "b c")
    columns = 1 if len(labels) == 2 else len(labels)
    weights = np.random.default_rng(3).normal(size=(len(terms), columns))
    bias = np.linspace(-0.5, 0.5, columns).astype(np.float32)
    shaped = weights[:, 0] if columns == 1 else weights
    model = LinearModel(terms, shaped, None, bias, 2, "default", labels, "one-vs-rest")
    path = tmp_path / "m.zip"
    packed_words.save(path, model, bits)
    packed_words.save(tmp_path / "again.zip", model, bits)
    assert path.read_bytes() == (tmp_path / "again.zip").read_bytes()
    runtime = registry.open_model(path)
    assert isinstance(runtime, packed_words.PackedWords) and runtime.task.labels == labels
    texts = ["not good", "bad naïve", "b c not", "nothing known"]
    level = packed_words.LEVELS[bits]
    step = np.abs(weights).max() / level
    np.testing.assert_allclose(runtime.predict(texts), model.predict(texts), atol=step)
    stored = next(iter(runtime.stored_arrays().values()))
    assert stored.dtype == np.int8 and stored.shape == (len(terms), columns) and np.abs(stored).max() <= level
    assert runtime.known_share("not good at all") == 0.5


def test_four_bits_hold_every_value(tmp_path):
    values = np.arange(-7, 8, dtype=np.float64)[:, np.newaxis]
    quantized = packed_words.Quantized.of(values, 4)
    again = packed_words.Quantized.unpacked(quantized.packed(), len(values), quantized.scale, 4)
    np.testing.assert_array_equal(again.values, quantized.values)
    np.testing.assert_allclose(quantized.floats(), values, atol=1e-6)
    assert len(quantized.packed()) == 8


def test_damaged_packages_are_refused_by_name(tmp_path):
    model = LinearModel(("good",), np.ones(1), None, np.zeros(1, np.float32), 1, "default")
    path = tmp_path / "packed.zip"
    packed_words.save(path, model, 8)
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[:-30], whole.replace(b"vocabulary.txt", b"vocabulary.tyt")):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"packed\.zip"):
            registry.open_model(path, remedy="run it")


def test_the_strongest_terms_are_kept_and_trained_again(data):
    texts, labels = data
    spec = fitting.ClassicalSpec("nb", 20000, 2, 0.1)
    counted = fitting.Counted(spec, texts[:1200], labels[:1200], "default", SENTIMENT)
    whole = counted.fit()
    kept = counted.strongest(whole, 1500)
    assert len(kept) == 1500 and list(kept) == sorted(set(kept))
    model = counted.fit(kept, 0.3)
    assert set(model.terms) <= set(whole.terms) and "wonderful" in model.terms and len(model.terms) == 1500
    assert np.mean((model.predict(texts[1200:]) > 0.5) == labels[1200:]) > 0.8
    np.testing.assert_array_equal(whole.weights, fitting.fit(spec, texts[:1200], labels[:1200], "default").weights)
