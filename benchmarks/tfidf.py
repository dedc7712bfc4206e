"""How far a plain TF-IDF classifier gets on the same split: the yardstick for every row of the table.

Reads    artifacts/reviews.csv (stage 1)
Writes   nothing; prints one line per classifier
Command  python benchmarks/tfidf.py [--artifacts FOLDER]
"""

import gzip
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ARTIFACTS = "artifacts"  # folder that the stages share

# %% Features, words per feature, regularization C (1.0 is scikit-learn's default; a large vocabulary bears less of it)
CLASSIFIERS = ((20_000, (1, 1), 1.0), (20_000, (1, 2), 1.0), (300_000, (1, 2), 10.0))


def main(arguments: list[str] | None = None) -> None:
    """Train and score each classifier; see the top of the file."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    from sentipress import cli, corpus, records

    settings = cli.settings(__file__, arguments)
    reviews = corpus.load(Path(settings.artifacts))
    texts = reviews.texts("train") + reviews.texts("validation")
    labels = np.concatenate([reviews.labels("train"), reviews.labels("validation")])
    for features, words, strength in CLASSIFIERS:
        started = time.perf_counter()
        vectorizer = TfidfVectorizer(max_features=features, ngram_range=words, sublinear_tf=True, token_pattern=r"\S+")
        classifier = LogisticRegression(C=strength, max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
        seconds = time.perf_counter() - started
        truth = reviews.labels("test")
        right = int((classifier.predict(vectorizer.transform(reviews.texts("test"))) == truth).sum())
        low, high = records.accuracy_interval(right, len(truth))
        # What a deployment needs: the terms, and per term its inverse document frequency times its coefficient.
        weights = (classifier.coef_[0] * vectorizer.idf_).astype(np.float16).tobytes()
        size = len(gzip.compress(json.dumps(list(vectorizer.get_feature_names_out())).encode())) + len(gzip.compress(weights))
        print(
            f"{features:,} features of {words[0]} to {words[1]} words: {right / len(truth):.2%} ({low:.2%} to {high:.2%}), "
            f"{size / 1024:,.0f} KB gzip, {seconds:.0f} s"
        )


if __name__ == "__main__":
    from sentipress.errors import exit_code

    raise SystemExit(exit_code(main))
