"""Training of the bag-of-words classifiers, by scikit-learn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentipress.data.task import SENTIMENT, Task
from sentipress.linear.bag_of_words import LinearModel


@dataclass(frozen=True)
class ClassicalSpec:
    """A classifier to train.

    Attributes:
        weighting: "tfidf" (sublinear term frequency, unit length), or "nb" (presence times the log-count ratio of
            Wang & Manning, "Baselines and Bigrams", 2012, section 2.1; logistic regression in place of their SVM; for more
            than two labels one classifier for each label against the rest).
        terms: the most frequent terms are kept.
        max_ngram: words of the longest term.
        C: scikit-learn's inverse of the regularization.
    """

    weighting: str
    terms: int
    max_ngram: int
    C: float

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a metrics JSON."""
        return asdict(self)


def fit(spec: ClassicalSpec, texts: list[str], labels: np.ndarray, cleaning: str, task: Task = SENTIMENT) -> LinearModel:
    """Train on cleaned texts.

    Args:
        spec: which classifier.
        texts: cleaned texts.
        labels: number of each text's label (texts,).
        cleaning: recipe by which they were cleaned.
        task: the labels.
    """
    shape = {"max_features": spec.terms, "ngram_range": (1, spec.max_ngram), "token_pattern": r"\S+", "lowercase": False}
    idf = None
    if spec.weighting == "tfidf":
        vectorizer = TfidfVectorizer(sublinear_tf=True, **shape)
        features = vectorizer.fit_transform(texts)
        idf = vectorizer.idf_.astype(np.float16)
        classifier = LogisticRegression(C=spec.C, max_iter=1000).fit(features, labels)
        weights, bias = classifier.coef_, classifier.intercept_
    else:
        vectorizer = CountVectorizer(binary=True, **shape)
        features = vectorizer.fit_transform(texts).astype(np.float64)
        positives = [labels > 0.5] if task.binary else [labels == number for number in range(len(task.labels))]
        each = [_against_the_rest(features, positive, spec.C) for positive in positives]
        weights, bias = np.stack([one for one, _ in each]), np.array([one for _, one in each])
    return LinearModel(
        terms=tuple(vectorizer.get_feature_names_out()),
        weights=(weights[0] if task.binary else weights.T).astype(np.float16),
        idf=idf,
        bias=bias.astype(np.float32),
        max_ngram=spec.max_ngram,
        cleaning=cleaning,
        labels=task.labels,
        link="softmax" if spec.weighting == "tfidf" else "one-vs-rest",
    )


def _against_the_rest(features: Any, positive: np.ndarray, C: float) -> tuple[np.ndarray, float]:
    """Weights float64 (terms,) and bias that tell texts where `positive` bool (texts,) is true from the others."""
    counts = np.stack([np.asarray(features[rows].sum(axis=0)).ravel() + 1 for rows in (~positive, positive)])
    ratios = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
    classifier = LogisticRegression(C=C, max_iter=1000, solver="liblinear", dual=True, random_state=0)
    classifier.fit(features @ sparse.diags(ratios), positive)
    return classifier.coef_[0] * ratios, float(classifier.intercept_[0])
