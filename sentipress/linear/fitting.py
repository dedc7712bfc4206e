"""Training of the bag-of-words classifiers, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentipress.data.task import SENTIMENT, Task
from sentipress.linear.bag_of_words import CHARACTERS, WORDS, LinearModel, terms_of


@dataclass(frozen=True)
class ClassicalSpec:
    """A classifier to train.

    Attributes:
        weighting: "tfidf" (sublinear term frequency, unit length), or "nb" (presence times the log-count ratio of
            Wang & Manning, "Baselines and Bigrams", 2012, section 2.1; logistic regression in place of their SVM; for more
            than two labels one classifier for each label against the rest).
        terms: the most frequent terms are kept.
        max_ngram: words or characters of the longest term.
        C: scikit-learn's inverse of the regularization.
        unit: of the terms, see `sentipress.linear.bag_of_words.terms_of`; characters for the weighting "nb" alone.
    """

    weighting: str
    terms: int
    max_ngram: int
    C: float
    unit: str = WORDS

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a metrics JSON."""
        return asdict(self)

    @property
    def counting(self) -> dict[str, Any]:
        """Arguments of scikit-learn's vectorizers for cleaned texts."""
        if self.unit == CHARACTERS:
            return {"max_features": self.terms, "analyzer": partial(terms_of, max_ngram=self.max_ngram, unit=self.unit)}
        return {"max_features": self.terms, "ngram_range": (1, self.max_ngram), "token_pattern": r"\S+", "lowercase": False}


def fit(spec: ClassicalSpec, texts: Sequence[str], labels: np.ndarray, cleaning: str, task: Task = SENTIMENT) -> LinearModel:
    """Train on cleaned texts.

    Args:
        spec: which classifier.
        texts: cleaned texts.
        labels: number of each text's label (texts,).
        cleaning: recipe by which they were cleaned.
        task: the labels.
    """
    if spec.weighting == "nb":
        return Counted(spec, texts, labels, cleaning, task).fit()
    if spec.unit != WORDS:
        raise ValueError("terms of characters go with the weighting nb alone")
    vectorizer = TfidfVectorizer(sublinear_tf=True, **spec.counting)
    features = vectorizer.fit_transform(texts)
    classifier = LogisticRegression(C=spec.C, max_iter=1000).fit(features, labels)
    return LinearModel(
        terms=tuple(vectorizer.get_feature_names_out()),
        weights=(classifier.coef_[0] if task.binary else classifier.coef_.T).astype(np.float16),
        idf=vectorizer.idf_.astype(np.float16),
        bias=classifier.intercept_.astype(np.float32),
        max_ngram=spec.max_ngram,
        cleaning=cleaning,
        labels=task.labels,
    )


class Counted:
    """Texts counted once, for NB-weighted classifiers of any number of terms.

    Attributes:
        terms: all terms, by alphabet.
    """

    def __init__(self, spec: ClassicalSpec, texts: Sequence[str], labels: np.ndarray, cleaning: str, task: Task) -> None:
        """Count; arguments as for `fit`."""
        self._spec, self._cleaning, self._task = spec, cleaning, task
        vectorizer = CountVectorizer(binary=True, **spec.counting)
        self._features = vectorizer.fit_transform(texts).astype(np.float64)
        self.terms: np.ndarray = vectorizer.get_feature_names_out()
        # Two labels need one classifier, that of the last label.
        numbers = [1] if task.binary else range(len(task.labels))
        self._positives = [labels.astype(int) == number for number in numbers]

    def fit(self, kept: np.ndarray | None = None, C: float | None = None, weights: np.ndarray | None = None) -> LinearModel:
        """Train a classifier.

        Args:
            kept: numbers of the terms that it may use, rising; all by default.
            C: scikit-learn's inverse of the regularization; the spec's by default.
            weights: of the texts, float64 (texts,); all alike by default.
        """
        features = self._features if kept is None else self._features[:, kept]
        each = [_against_the_rest(features, positive, C or self._spec.C, weights) for positive in self._positives]
        weights = np.stack([one for one, _ in each], axis=1)
        return LinearModel(
            terms=tuple(self.terms if kept is None else self.terms[kept]),
            weights=(weights[:, 0] if self._task.binary else weights).astype(np.float16),
            idf=None,
            bias=np.array([one for _, one in each]).astype(np.float32),
            max_ngram=self._spec.max_ngram,
            cleaning=self._cleaning,
            labels=self._task.labels,
            link="one-vs-rest",
            unit=self._spec.unit,
        )

    def strongest(self, model: LinearModel, count: int) -> np.ndarray:
        """Numbers of the terms that move most answers, rising: weight times the root of the number of texts that have it.

        Args:
            model: of all terms.
            count: terms at most.
        """
        texts = np.asarray(self._features.sum(axis=0)).ravel()
        weights = np.abs(model.weights.reshape(len(model.terms), -1).astype(np.float64)).max(axis=1)
        return np.sort(np.argsort(-weights * np.sqrt(texts), kind="stable")[:count])


def _against_the_rest(features: Any, positive: np.ndarray, C: float, weights: np.ndarray | None = None) -> tuple[np.ndarray, float]:
    """Weights float64 (terms,) and bias that tell texts where `positive` bool (texts,) is true from the others."""
    counted = features if weights is None else sparse.diags(weights) @ features
    counts = np.stack([np.asarray(counted[rows].sum(axis=0)).ravel() + 1 for rows in (~positive, positive)])
    ratios = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    classifier = LogisticRegression(C=C, max_iter=1000, solver="liblinear", dual=True, random_state=0)
    classifier.fit(features @ sparse.diags(ratios), positive, sample_weight=weights)
    return classifier.coef_[0] * ratios, float(classifier.intercept_[0])
