"""Training of the bag-of-words classifiers, by scikit-learn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentipress.linear.bag_of_words import LinearModel


@dataclass(frozen=True)
class ClassicalSpec:
    """A classifier to train.

    Attributes:
        weighting: "tfidf" (sublinear term frequency, unit length), or "nb" (presence times the log-count ratio of
            Wang & Manning, "Baselines and Bigrams", 2012, section 2.1; logistic regression in place of their SVM).
        terms: the most frequent terms are kept.
        longest: words of the longest term.
        strength: scikit-learn's C.
    """

    weighting: str
    terms: int
    longest: int
    strength: float

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a metrics JSON."""
        return asdict(self)


def fit(spec: ClassicalSpec, texts: list[str], labels: np.ndarray, cleaning: str) -> LinearModel:
    """Train on cleaned texts and labels (texts,).

    Args:
        spec: which classifier.
        texts: cleaned reviews.
        labels: 0 or 1 per text.
        cleaning: recipe by which they were cleaned.
    """
    shape = {"max_features": spec.terms, "ngram_range": (1, spec.longest), "token_pattern": r"\S+", "lowercase": False}
    idf = None
    if spec.weighting == "tfidf":
        vectorizer = TfidfVectorizer(sublinear_tf=True, **shape)
        features = vectorizer.fit_transform(texts)
        idf = vectorizer.idf_.astype(np.float16)
        classifier = LogisticRegression(C=spec.strength, max_iter=1000).fit(features, labels)
        weights = classifier.coef_[0]
    else:
        vectorizer = CountVectorizer(binary=True, **shape)
        features = vectorizer.fit_transform(texts).astype(np.float64)
        positive = labels > 0.5
        counts = np.stack([np.asarray(features[rows].sum(axis=0)).ravel() + 1 for rows in (~positive, positive)])
        ratios = np.log(counts[1] / counts[1].sum()) - np.log(counts[0] / counts[0].sum())
        classifier = LogisticRegression(C=spec.strength, max_iter=1000, solver="liblinear", dual=True, random_state=0)
        classifier.fit(features @ sparse.diags(ratios), labels)
        weights = classifier.coef_[0] * ratios
    terms = tuple(vectorizer.get_feature_names_out())
    return LinearModel(terms, weights.astype(np.float16), idf, float(classifier.intercept_[0]), spec.longest, cleaning)
