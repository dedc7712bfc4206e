"""Exploratory analysis of cleaned reviews: one dictionary of figures, and pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from sentipress.evaluation.plots import new_figure, save_figure

SENTIMENTS = {0: "negative", 1: "positive"}
COLORS = {"negative": "#D55E00", "positive": "#0072B2"}  # Okabe & Ito: told apart by colour-blind readers and in print
TFIDF_FEATURES = 1000
CLOUD_WORDS = 150
CHUNK = 10_000  # reviews whose words are held apart at a time: a million reviews split at once would take 13 GB


def explore(frame: pd.DataFrame) -> dict[str, Any]:
    """Counts, statistics per sentiment, percentiles, characters and top words of cleaned reviews.

    Args:
        frame: columns `review` (cleaned) and `label`.

    Returns:
        A dictionary that fits into JSON; lengths are in words (separated by spaces) and characters.
    """
    sentiment = frame["label"].map(SENTIMENTS)
    words = _words_per_review(frame["review"])
    characters = frame["review"].str.len()
    return {
        "reviews": len(frame),
        "nulls": int(frame["review"].isna().sum()),
        "unique": int(frame["review"].nunique()),
        "per_sentiment": {str(k): int(v) for k, v in sentiment.value_counts().sort_index().items()},
        "words": _describe(words, sentiment),
        "characters": _describe(characters, sentiment),
        "word_percentiles": {str(p): float(np.percentile(words, p)) for p in range(5, 101, 5)},
        "distinct_characters": len(_characters(frame["review"])),
        "top_tfidf": top_tfidf(frame["review"]),
    }


def _describe(values: pd.Series, sentiment: pd.Series) -> dict[str, dict[str, float]]:
    table = values.groupby(sentiment).describe()
    table.loc["all"] = values.describe()
    return {str(name): {str(k): float(v) for k, v in row.items()} for name, row in table.iterrows()}


def _words_per_review(texts: pd.Series) -> pd.Series:
    return pd.Series(np.fromiter((len(text.split()) for text in texts), np.int64, len(texts)), index=texts.index)


def _characters(texts: pd.Series) -> set[str]:
    found: set[str] = set()
    for text in texts:
        found.update(text)
    return found


def _word_counts(texts: pd.Series) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text.split())
    return counts


def top_tfidf(texts: pd.Series, features: int = TFIDF_FEATURES, top: int = 10) -> list[list[Any]]:
    """Words with the highest mean TF-IDF weight among the `features` most frequent: [word, mean], falling.

    What scikit-learn's TfidfVectorizer gives, without the counts of all other words, which for a million reviews would
    take gigabytes: the frequent words are found first, then theirs alone are counted, chunk by chunk.
    """
    # With scikit-learn's own stopwords, as the published list shows (no "one", no "would").
    parts = CountVectorizer(stop_words="english").build_analyzer()
    frequencies: Counter[str] = Counter()
    for word, count in _word_counts(texts).items():  # a word may have several parts ("isn't"), or none ("a")
        for part in parts(word):
            frequencies[part] += count
    names = [name for name, _ in sorted(frequencies.items(), key=lambda item: (-item[1], item[0]))[:features]]
    if not names:  # nothing but stopwords and single letters
        return []
    vectorizer = CountVectorizer(stop_words="english", vocabulary=names, dtype=np.float32)
    chunks = [vectorizer.transform(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK)]
    containing = np.sum([chunk.getnnz(axis=0) for chunk in chunks], axis=0)
    weighting = TfidfTransformer()
    weighting.idf_ = np.log((1 + len(texts)) / (1 + containing)) + 1
    means = np.sum([np.asarray(weighting.transform(chunk.astype(np.float64)).sum(axis=0)).ravel() for chunk in chunks], axis=0) / len(texts)
    return [[names[place], float(means[place])] for place in np.argsort(-means, kind="stable")[:top]]


def draw(frame: pd.DataFrame, figures: dict[str, Any], folder: Path, seed: int) -> list[Path]:
    """Draw the histograms, the TF-IDF bars and a word cloud per sentiment; returns the files written.

    Args:
        frame: as for `explore`.
        figures: what `explore` returned.
        folder: where the PNGs go.
        seed: of the clouds' layout.
    """
    import seaborn
    from wordcloud import WordCloud

    sentiment = frame["label"].map(SENTIMENTS)
    lengths = {"words": _words_per_review(frame["review"]), "characters": frame["review"].str.len()}
    written = []
    for unit, values in lengths.items():
        figure, axes = new_figure()
        limit = float(np.percentile(values, 99))
        data = pd.DataFrame({unit: values, "sentiment": sentiment})[values <= limit]
        seaborn.histplot(data, x=unit, hue="sentiment", palette=COLORS, bins=60, element="step", alpha=0.25, ax=axes)
        axes.set(title=f"Length of cleaned reviews (the longest 1 %, over {limit:.0f} {unit}, not shown)", ylabel="reviews")
        written.append(save_figure(figure, folder / f"histogram_{unit}.png"))
    figure, axes = new_figure()
    top = figures["top_tfidf"][::-1]
    axes.barh([word for word, _ in top], [mean for _, mean in top], color="#0072B2")
    axes.set(title=f"Mean TF-IDF over all reviews, top {len(top)} of {TFIDF_FEATURES} features", xlabel="mean TF-IDF")
    written.append(save_figure(figure, folder / "top_tfidf.png"))
    for label, name in SENTIMENTS.items():
        counts = _word_counts(frame.loc[frame["label"] == label, "review"])
        # Words of every review say nothing about one sentiment; the thesis recipe has removed them already.
        frequencies = {word: count for word, count in counts.items() if len(word) > 1 and word not in _listed()}
        cloud = WordCloud(width=1200, height=600, background_color="white", max_words=CLOUD_WORDS, random_state=seed)
        figure, axes = new_figure(grid=False)
        axes.imshow(cloud.generate_from_frequencies(frequencies or {name: 1}).to_array(), interpolation="bilinear")
        axes.set_axis_off()
        axes.set_title(f"Most frequent words of {name} reviews")
        written.append(save_figure(figure, folder / f"wordcloud_{name}.png"))
    return written


def _listed() -> frozenset[str]:
    from sentipress.data.cleaning import stopwords

    return stopwords()
