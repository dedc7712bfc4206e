"""Exploratory analysis of cleaned texts: one dictionary of figures, and pictures."""

from __future__ import annotations

import heapq
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from sentipress.core import files
from sentipress.data.lines import pieces
from sentipress.data.stored import Table, Texts, numbered
from sentipress.data.task import Task
from sentipress.evaluation.plots import new_figure, noun, plain_text, save_figure
from sentipress.evaluation.word_counts import WordCounts

# Okabe & Ito: told apart by colour-blind readers and in print. The first two are those of negative and positive.
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
TFIDF_FEATURES = 1000
CLOUD_WORDS = 150
MOST_CLOUDS = 12  # labels that get a cloud, those with the most texts: each takes a second or two
LONGEST_DRAWN = 50  # letters: a longer word, such as an address, may leave a cloud without room
HISTOGRAM_BINS = 60
CHUNK = 10_000  # texts whose words are held apart at a time: a million reviews split at once would take 13 GB
EVERYTHING = "all"  # key of what is counted over all labels


@dataclass(frozen=True)
class Counts:
    """What one pass over cleaned texts counts.

    Attributes:
        labels: number of each text's label, int64 (texts,).
        words: of each text, int64 (texts,).
        characters: of each text, int64 (texts,).
        unique: different texts.
        distinct_characters: different characters of all texts.
        words_of: how often each word stands in the texts of each label.
    """

    labels: np.ndarray
    words: np.ndarray
    characters: np.ndarray
    unique: int
    distinct_characters: int
    words_of: WordCounts


def count(table: Table, task: Task) -> Counts:
    """Count words and characters.

    Args:
        table: cleaned texts, columns `label` (number of the label, 0, 1, ...), `key` and `key2`.
        task: whose labels these are.
    """
    labels, words_of, seen = table.frame["label"].to_numpy(), WordCounts(len(task.labels)), set[str]()
    words, characters = np.empty(len(table), np.int64), np.empty(len(table), np.int64)
    for index, text in enumerate(table.texts):
        found = text.split()
        words[index], characters[index] = len(found), len(text)
        words_of.add(labels[index], found)
        seen.update(text)
        if not index % CHUNK:
            words_of.cut()
    return Counts(labels, words, characters, int(numbered(table.frame).max()) + 1, len(seen), words_of)


def explore(texts: Texts, counts: Counts, task: Task) -> dict[str, Any]:
    """Figures of cleaned texts: texts, words and characters, per label and in all, and the top words.

    Args:
        texts: cleaned.
        counts: of these texts.
        task: as for `count`.

    Returns:
        A dictionary that fits into JSON. Lengths are in words (separated by spaces) and characters. Its keys are those of
        the sentiment task, whatever the labels: `reviews` counts texts, `per_sentiment` counts them by label. Where words were let go
        (see `WordCounts`), `word_counts_short_by` says by how much the count of a word of a label may be too low.
    """
    labels = pd.Series(counts.labels).map(dict(enumerate(_keys(task))))
    return {
        "reviews": len(texts),
        "nulls": 0,  # a row without a text is refused when it is read
        "unique": counts.unique,
        "per_sentiment": {str(k): int(v) for k, v in labels.value_counts().sort_index().items()},
        "words": _describe(pd.Series(counts.words), labels),
        "characters": _describe(pd.Series(counts.characters), labels),
        "word_percentiles": {str(p): float(np.percentile(counts.words, p)) for p in range(5, 101, 5)},
        "distinct_characters": counts.distinct_characters,
        "top_tfidf": top_tfidf(texts, counts.words_of.items(), english=task.is_sentiment),
        **({"word_counts_short_by": counts.words_of.short_by} if counts.words_of.short_by else {}),
    }


def _keys(task: Task) -> list[str]:
    """Names of the labels as keys; a label called "all" would hide what is counted over all labels."""
    return [f"label {name}" if name == EVERYTHING else name for name in task.labels]


def _describe(values: pd.Series, labels: pd.Series) -> dict[str, dict[str, float]]:
    table = values.groupby(labels).describe()
    table.loc[EVERYTHING] = values.describe()
    return {str(name): {str(k): float(v) for k, v in row.items()} for name, row in table.iterrows()}


def top_tfidf(
    texts: Texts, words: Iterable[tuple[str, int]], features: int = TFIDF_FEATURES, top: int = 10, english: bool = True
) -> list[list[Any]]:
    """Find the words with the highest mean TF-IDF weight among the most frequent ones.

    The result is that of scikit-learn's TfidfVectorizer, without the counts of all other words. For a million reviews those
    would take gigabytes. Counts of the most frequent words are kept in a file, chunk by chunk.

    Args:
        texts: cleaned.
        words: of the texts, with their counts; a word may come more than once.
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
    for word, count in words:  # an English word may have several parts ("isn't"), or none ("a")
        for part in parts(word):
            frequencies[part] += count
    names = [name for name, _ in heapq.nsmallest(features, frequencies.items(), key=lambda item: (-item[1], item[0]))]
    if not names:  # nothing but stopwords and single letters
        return []
    vectorizer = CountVectorizer(**options, vocabulary=names, dtype=np.float32)
    containing, sums, chunks = np.zeros(len(names), np.int64), np.zeros(len(names)), 0
    with tempfile.TemporaryFile(dir=texts.spool.folder, prefix=files.TEMPORARY) as stream:
        for chunk in pieces(texts, CHUNK):
            counted = vectorizer.transform(chunk)
            containing += counted.getnnz(axis=0)
            for array in (counted.data, counted.indices, counted.indptr):
                np.save(stream, array)
            chunks += 1
        weighting = TfidfTransformer()
        weighting.idf_ = np.log((1 + len(texts)) / (1 + containing)) + 1
        stream.seek(0)
        for _ in range(chunks):
            data, indices, starts = (np.load(stream) for _ in range(3))
            matrix = csr_matrix((data.astype(np.float64), indices, starts), (len(starts) - 1, len(names)))
            sums += np.asarray(weighting.transform(matrix).sum(axis=0)).ravel()
    means = sums / len(texts)
    return [[names[index], float(means[index])] for index in np.argsort(-means, kind="stable")[:top]]


def draw(counts: Counts, figures: dict[str, Any], folder: Path, seed: int, task: Task) -> list[Path]:
    """Draw histograms of the lengths, bars of the top words, and a word cloud for each of the 12 most frequent labels.

    Word clouds of an earlier run with other labels are deleted.

    Args:
        counts: of the texts.
        figures: what `explore` returned.
        folder: where the PNGs go.
        seed: of the clouds' layout.
        task: as for `count`.

    Returns:
        The files written.
    """
    with plain_text():
        written = [
            _histogram(counts.words, "words", counts.labels, task, folder),
            _histogram(counts.characters, "characters", counts.labels, task, folder),
            _top_words(figures["top_tfidf"], task, folder),
            *_clouds(counts, folder, seed, task),
        ]
    for path in folder.glob("wordcloud_*.png"):
        if path not in written:
            path.unlink()
    return written


def _histogram(lengths: np.ndarray, unit: str, numbers: np.ndarray, task: Task, folder: Path) -> Path:
    """Draw how long the texts are; labels in colours, where there are enough colours."""
    import seaborn

    figure, axes = new_figure()
    limit = float(np.percentile(lengths, 99))
    title = "sentiment" if task.is_sentiment else "label"
    shown = pd.DataFrame({unit: lengths, title: numbers})[lengths <= limit]
    order = shown[title].unique() if task.is_sentiment else range(len(task.labels))
    # A row for each length with the number of its texts: seaborn copies rows several times.
    data = shown.value_counts(sort=False).reset_index(name="texts")
    data[title] = data[title].map(dict(enumerate(task.labels)))
    split: dict[str, Any] = {}
    if len(task.labels) <= len(COLORS):
        split = {"hue": title, "palette": dict(zip(task.labels, COLORS, strict=False)), "hue_order": [task.labels[n] for n in order]}
    # Short posts have fewer lengths than there are bins.
    bins: dict[str, Any] = {"bins": HISTOGRAM_BINS} if limit >= HISTOGRAM_BINS else {"discrete": True}
    seaborn.histplot(data, x=unit, weights="texts", **split, **bins, element="step", alpha=0.25, ax=axes)
    axes.set(title=f"Length of cleaned {noun(task)} (the longest 1 %, over {limit:.0f} {unit}, not shown)", ylabel=noun(task))
    return save_figure(figure, folder / f"histogram_{unit}.png")


def _top_words(top_tfidf: Sequence[Sequence[Any]], task: Task, folder: Path) -> Path:
    figure, axes = new_figure()
    top = top_tfidf[::-1]
    axes.barh([word for word, _ in top], [mean for _, mean in top], color="#0072B2")
    axes.set(title=f"Mean TF-IDF over all {noun(task)}, top {len(top)} of {TFIDF_FEATURES} features", xlabel="mean TF-IDF")
    return save_figure(figure, folder / "top_tfidf.png")


def _clouds(counts: Counts, folder: Path, seed: int, task: Task) -> list[Path]:
    from wordcloud import WordCloud

    # The font of wordcloud has Latin letters alone, that of matplotlib Cyrillic, Greek, Arabic and more.
    font = None if task.is_sentiment else str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
    most_frequent = pd.Series(counts.labels).value_counts(sort=True).index[:MOST_CLOUDS]
    written = []
    for number, (name, file_name) in enumerate(zip(task.labels, _file_names(task.labels), strict=True)):
        if number not in most_frequent and len(task.labels) > MOST_CLOUDS:
            continue
        words = (item for item in counts.words_of.of_label[number].items() if _tells(item[0], task))
        frequencies = dict(heapq.nlargest(CLOUD_WORDS, words, key=itemgetter(1)))  # of equals the first ones, as WordCloud takes them
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
