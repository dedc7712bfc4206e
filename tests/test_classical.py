"""Bag-of-words classifiers: the file scores as scikit-learn does."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentipress.linear import fitting
from sentipress.data.cleaning import clean
from sentipress.core.errors import UserError
from sentipress.linear.bag_of_words import LinearModel, terms_of


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


def test_nb_weighting_by_hand_and_on_reviews(data):
    texts, labels = data
    model = fitting.fit(fitting.ClassicalSpec("nb", 20000, 2, 0.1), texts[:1200], labels[:1200], "default")
    assert np.mean((model.predict(texts[1200:]) > 0.5) == labels[1200:]) > 0.8
    model = LinearModel(("good", "not good"), np.array([1, -3], np.float16), None, 0.5, 2, "default")
    expected = 1 / (1 + np.exp(-np.array([0.5 + 1 - 3, 0.5, 0.5 + 1])))  # a term counts once
    np.testing.assert_allclose(model.predict(["not good good", "", "good good"]), expected, rtol=1e-6)
    np.testing.assert_array_equal(model.predict_raw(["<b>Not good!</b>"]), model.predict(["not good"]))


def test_terms_and_damaged_files(tmp_path):
    assert terms_of("a b c", 3) == ["a", "b", "c", "a b", "b c", "a b c"] and terms_of("", 2) == [] and terms_of("a", 3) == ["a"]
    (tmp_path / "bad.npz").write_bytes(b"PK")
    for name in ("bad.npz", "none.npz"):
        with pytest.raises(UserError, match=name):
            LinearModel.load(tmp_path / name, "run it")
