"""Exploratory analysis of cleaned texts: one dictionary of figures, and pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from sentipress.data.task import Task
from sentipress.evaluation.plots import new_figure, noun, plain_text, save_figure

# Okabe & Ito: told apart by colour-blind readers and in print. The first two are those of negative and positive.
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
TFIDF_FEATURES = 1000
CLOUD_WORDS = 150
MOST_CLOUDS = 12  # labels that get a cloud, those with the most texts: each takes a second or two
LONGEST_DRAWN = 50  # letters: a longer word, such as an address, may leave a cloud without room
HISTOGRAM_BINS = 60
CHUNK = 10_000  # texts whose words are held apart at a time: a million reviews split at once would take 13 GB
EVERYTHING = "all"  # key of what is counted over all labels


def explore(frame: pd.DataFrame, task: Task) -> dict[str, Any]:
    """Count texts, words and characters, per label and in all, and find the top words.

    Args:
        frame: columns `review` (cleaned text) and `label` (number of the label, 0, 1, ...).
        task: whose labels these are.

    Returns:
        A dictionary that fits into JSON. Lengths are in words (separated by spaces) and characters. Its keys are those of
        the sentiment task, whatever the labels: `reviews` counts texts, `per_sentiment` counts them by label.
    """
    labels = frame["label"].map(dict(enumerate(_keys(task))))
    words = _words_per_text(frame["review"])
    characters = frame["review"].str.len()
    return {
        "reviews": len(frame),
        "nulls": int(frame["review"].isna().sum()),
        "unique": int(frame["review"].nunique()),
        "per_sentiment": {str(k): int(v) for k, v in labels.value_counts().sort_index().items()},
        "words": _describe(words, labels),
        "characters": _describe(characters, labels),
        "word_percentiles": {str(p): float(np.percentile(words, p)) for p in range(5, 101, 5)},
        "distinct_characters": len(_characters(frame["review"])),
        "top_tfidf": top_tfidf(frame["review"], english=task.is_sentiment),
    }


def _keys(task: Task) -> list[str]:
    """Names of the labels as keys; a label called "all" would hide what is counted over all labels."""
    return [f"label {name}" if name == EVERYTHING else name for name in task.labels]


def _describe(values: pd.Series, labels: pd.Series) -> dict[str, dict[str, float]]:
    table = values.groupby(labels).describe()
    table.loc[EVERYTHING] = values.describe()
    return {str(name): {str(k): float(v) for k, v in row.items()} for name, row in table.iterrows()}


def _words_per_text(texts: pd.Series) -> pd.Series:
    return pd.Series(np.fromiter((len(text.split()) for text in texts), np.int64, len(texts)), index=texts.index)


def _characters(texts: pd.Series) -> set[str]:
    characters: set[str] = set()
    for text in texts:
        characters.update(text)
    return characters


def _word_counts(texts: pd.Series) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text.split())
    return counts


def top_tfidf(texts: pd.Series, features: int = TFIDF_FEATURES, top: int = 10, english: bool = True) -> list[list[Any]]:
    """Find the words with the highest mean TF-IDF weight among the most frequent ones.

    The result is that of scikit-learn's TfidfVectorizer, without the counts of all other words. For a million reviews those
    would take gigabytes. The frequent words are found first, then theirs alone are counted, chunk by chunk.

    Args:
        texts: cleaned.
        features: number of the most frequent words.
        top: number of words to return.
        english: use scikit-learn's English words and stopwords. Otherwise a word is what stands between spaces, in any
            alphabet, and none is left out.

    Returns:
        Pairs of a word and its mean weight, falling.
    """
    # With scikit-learn's own stopwords, as the published list shows (no "one", no "would").
    options: dict[str, Any] = {"stop_words": "english"} if english else {"analyzer": str.split}
    parts: Callable[[str], Sequence[str]] = CountVectorizer(**options).build_analyzer()
    frequencies: Counter[str] = Counter()
    for word, count in _word_counts(texts).items():  # an English word may have several parts ("isn't"), or none ("a")
        for part in parts(word):
            frequencies[part] += count
    names = [name for name, _ in sorted(frequencies.items(), key=lambda item: (-item[1], item[0]))[:features]]
    if not names:  # nothing but stopwords and single letters
        return []
    vectorizer = CountVectorizer(**options, vocabulary=names, dtype=np.float32)
    chunks = [vectorizer.transform(texts[start : start + CHUNK]) for start in range(0, len(texts), CHUNK)]
    containing = np.sum([chunk.getnnz(axis=0) for chunk in chunks], axis=0)
    weighting = TfidfTransformer()
    weighting.idf_ = np.log((1 + len(texts)) / (1 + containing)) + 1
    means = np.sum([np.asarray(weighting.transform(chunk.astype(np.float64)).sum(axis=0)).ravel() for chunk in chunks], axis=0) / len(texts)
    return [[names[index], float(means[index])] for index in np.argsort(-means, kind="stable")[:top]]


def draw(frame: pd.DataFrame, figures: dict[str, Any], folder: Path, seed: int, task: Task) -> list[Path]:
    """Draw histograms of the lengths, bars of the top words, and a word cloud for each of the 12 most frequent labels.

    Word clouds of an earlier run with other labels are deleted.

    Args:
        frame: as for `explore`.
        figures: what `explore` returned.
        folder: where the PNGs go.
        seed: of the clouds' layout.
        task: as for `explore`.

    Returns:
        The files written.
    """
    with plain_text():
        written = [
            _histogram(_words_per_text(frame["review"]), "words", frame["label"], task, folder),
            _histogram(frame["review"].str.len(), "characters", frame["label"], task, folder),
            _top_words(figures["top_tfidf"], task, folder),
            *_clouds(frame, folder, seed, task),
        ]
    for path in folder.glob("wordcloud_*.png"):
        if path not in written:
            path.unlink()
    return written


def _histogram(lengths: pd.Series, unit: str, numbers: pd.Series, task: Task, folder: Path) -> Path:
    """Draw how long the texts are; labels in colours, where there are enough colours."""
    import seaborn

    figure, axes = new_figure()
    limit = float(np.percentile(lengths, 99))
    title = "sentiment" if task.is_sentiment else "label"
    data = pd.DataFrame({unit: lengths, title: numbers.map(dict(enumerate(task.labels)))})[lengths <= limit]
    split: dict[str, Any] = {}
    if len(task.labels) <= len(COLORS):
        split = {"hue": title, "palette": dict(zip(task.labels, COLORS, strict=False))}
        split |= {} if task.is_sentiment else {"hue_order": list(task.labels)}
    # Short posts have fewer lengths than there are bins.
    bins: dict[str, Any] = {"bins": HISTOGRAM_BINS} if limit >= HISTOGRAM_BINS else {"discrete": True}
    seaborn.histplot(data, x=unit, **split, **bins, element="step", alpha=0.25, ax=axes)
    axes.set(title=f"Length of cleaned {noun(task)} (the longest 1 %, over {limit:.0f} {unit}, not shown)", ylabel=noun(task))
    return save_figure(figure, folder / f"histogram_{unit}.png")


def _top_words(top_tfidf: Sequence[Sequence[Any]], task: Task, folder: Path) -> Path:
    figure, axes = new_figure()
    top = top_tfidf[::-1]
    axes.barh([word for word, _ in top], [mean for _, mean in top], color="#0072B2")
    axes.set(title=f"Mean TF-IDF over all {noun(task)}, top {len(top)} of {TFIDF_FEATURES} features", xlabel="mean TF-IDF")
    return save_figure(figure, folder / "top_tfidf.png")


def _clouds(frame: pd.DataFrame, folder: Path, seed: int, task: Task) -> list[Path]:
    from wordcloud import WordCloud

    # The font of wordcloud has Latin letters alone, that of matplotlib Cyrillic, Greek, Arabic and more.
    font = None if task.is_sentiment else str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    most_frequent = frame["label"].value_counts(sort=True).index[:MOST_CLOUDS]
    written = []
    for number, (name, file_name) in enumerate(zip(task.labels, _file_names(task.labels), strict=True)):
        if number not in most_frequent and len(task.labels) > MOST_CLOUDS:
            continue
        counts = _word_counts(frame.loc[frame["label"] == number, "review"])
        frequencies = {word: count for word, count in counts.items() if _tells(word, task)}
        cloud = WordCloud(width=1200, height=600, background_color="white", max_words=CLOUD_WORDS, random_state=seed, font_path=font)
        figure, axes = new_figure(grid=False)
        axes.imshow(cloud.generate_from_frequencies(frequencies or {name[:LONGEST_DRAWN]: 1}).to_array(), interpolation="bilinear")
        axes.set_axis_off()
        axes.set_title(f"Most frequent words of {name} {noun(task)}")
        written.append(save_figure(figure, folder / f"wordcloud_{file_name}.png"))
    return written


def _tells(word: str, task: Task) -> bool:
    """Whether a word belongs into a cloud.

    Words of every review say nothing about one sentiment. In other languages a single character may be a word.
    """
    if len(word) > LONGEST_DRAWN:
        return False
    return not task.is_sentiment or (len(word) > 1 and word not in _listed())


def _file_names(labels: Sequence[str]) -> list[str]:
    """Names of the labels for files: what no file system forbids, each once, also where case does not count."""
    names: list[str] = []
    for number, label in enumerate(labels):
        name = re.sub(r"[^\w-]+", "_", label)[:LONGEST_DRAWN]
        while name.casefold() in (other.casefold() for other in names):
            name += f"_{number}"
        names.append(name)
    return names


def _listed() -> frozenset[str]:
    from sentipress.data.cleaning import stopwords

    return stopwords()
