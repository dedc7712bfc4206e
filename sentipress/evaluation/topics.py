"""Topics of texts: clusters of an encoder's embeddings against the factors of a bag of words.

Embeddings go the way of Grootendorst, "BERTopic: Neural topic modeling with a class-based TF-IDF procedure" (2022), sections
3.1 to 3.3, with scikit-learn alone: PCA in place of UMAP, k-means in place of HDBSCAN. The number of topics is then the same
for all that is compared, and no text is left out as an outlier.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import NMF, PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import normalize
from tabulate import tabulate

from sentipress.core.errors import UserError
from sentipress.data.cleaning import UNSPACED, clean
from sentipress.evaluation.plots import PALETTE, new_figure, plain_text, save_figure

SCHEMA = 1
TOP_WORDS = 10  # of a topic: as many as Lau et al. score, and as a person reads
# A list of stopwords would be of one language. These two bounds are of none.
LEAST_TEXTS = 5  # that hold a word: chance decides which words stand together in fewer
LARGEST_SHARE = 0.1  # of the texts that hold a word: half of it costs reviews the words of genres, twice it lets "his" and "who" in
COMPONENTS = 16  # of PCA: 10 to all 384 made little difference on reviews; with UMAP's usual 5 more topics had the same words
STARTS = 5  # of k-means and of NMF, the best of which counts: the same number for both
NMF_STEPS = 400  # at most; scikit-learn's own 200 are often too few
WORDS_MODEL = "TF-IDF + NMF"
NO_TOPIC = -1  # of a text without a word that counts
MEASURES = {
    "coherence": "Coherence (NPMI)",
    "diversity": "Diversity",
    "assignments": "Stability of texts (Rand)",
    "words": "Stability of words (Jaccard)",
}


@dataclass(frozen=True, eq=False)
class Topics:
    """Topics of some texts.

    Attributes:
        words: of each topic, the most telling first: 10, or fewer where it has no more.
        assigned: number of each text's topic, int64 (texts,); -1 for a text without one.
    """

    words: tuple[tuple[str, ...], ...]
    assigned: np.ndarray


@dataclass(frozen=True, eq=False)
class _Counts:
    """Words that count: how often each stands in each text, int64 (texts, words) in sparse rows, and their spellings."""

    counts: sparse.csr_matrix
    names: np.ndarray


def of_embeddings(texts: Sequence[str], embeddings: np.ndarray, topics: int, seed: int) -> Topics:
    """Find topics as clusters of embeddings, and their words by class-based TF-IDF.

    Rows are set to length 1, reduced by PCA and clustered by k-means, the best of 5 starts. All texts of a cluster then count
    as one: a word's weight is its count in the cluster, times log(1 + average words of a cluster / count of the word in all).

    Args:
        texts: cleaned or raw.
        embeddings: float32 (texts, width).
        topics: how many, 2 at least.
        seed: of the starts.

    Raises:
        UserError: fewer texts than topics, or too few words.
        ValueError: as many embeddings as texts are needed.
    """
    return _clustered(_counted(texts, topics), _reduced(texts, embeddings), topics, seed)


def of_words(texts: Sequence[str], topics: int, seed: int) -> Topics:
    """Find topics as factors of TF-IDF weights.

    Lee & Seung, "Learning the parts of objects by non-negative matrix factorization" (1999). Factors start from random numbers,
    the best of 5 starts. scikit-learn's "nndsvda" starts from a singular value decomposition, the same one for each seed:
    stability over seeds would be 1 and would say nothing. A text belongs to the factor that makes up most of it.

    Args:
        texts: cleaned or raw.
        topics: how many, 2 at least.
        seed: of the starts.

    Raises:
        UserError: fewer texts than topics, or too few words.
    """
    return _factored(_counted(texts, topics), topics, seed)


def coherence(words: Sequence[Sequence[str]], texts: Sequence[str]) -> float:
    """Say how often the top words of a topic stand in one text: mean NPMI of its pairs of words, mean over topics; -1 to 1.

    Normalized pointwise mutual information, with the share of texts that hold a word (or both) as its probability: Lau et al.,
    "Machine Reading Tea Leaves" (2014); boolean documents of Röder et al., "Exploring the Space of Topic Coherence
    Measures" (2015). Words that never meet have -1, the limit; a topic without a pair of words has 0.

    Args:
        words: top words of each topic.
        texts: in which they are looked up.
    """
    listed = sorted({word for topic in words for word in topic})
    if not listed:
        return 0.0
    vectorizer = CountVectorizer(analyzer=_words_of, vocabulary=listed)
    return float(np.mean(_coherences(words, _Counts(sparse.csr_matrix(vectorizer.transform(texts)), np.array(listed, object)))))


def diversity(words: Sequence[Sequence[str]]) -> float:
    """Share of different words among all top words, 0 to 1: Dieng et al., "Topic Modeling in Embedding Spaces" (2020), section 5."""
    listed = [word for topic in words for word in topic]
    return len(set(listed)) / len(listed) if listed else 0.0


def stability(runs: Sequence[Topics]) -> dict[str, float]:
    """Say how alike topics of the same texts are, over all pairs of runs with different seeds.

    Args:
        runs: two at least.

    Returns:
        `assignments`: mean adjusted Rand index of the texts' topics (0 by chance, 1 for the same); `words`: mean Jaccard index
        of the top words of topics that are matched so that it is greatest (0 to 1).

    Raises:
        ValueError: fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError("stability needs two runs")
    pairs = list(itertools.combinations(runs, 2))
    return {
        "assignments": float(np.mean([adjusted_rand_score(one.assigned, other.assigned) for one, other in pairs])),
        "words": float(np.mean([_words_in_common(one.words, other.words) for one, other in pairs])),
    }


def compare(texts: Sequence[str], embeddings_by_name: Mapping[str, np.ndarray], topics: int, seeds: Sequence[int]) -> dict[str, Any]:
    """Find topics by each embedding and by TF-IDF with NMF, with each seed, and score them on the same texts and words.

    Coherence is of the texts that the topics were found in, as is usual. NMF is fitted to the words of these texts and clusters of
    embeddings are not, so it favours NMF.

    Args:
        texts: cleaned or raw.
        embeddings_by_name: float32 (texts, width) by the name of their encoder.
        topics: how many, 2 at least.
        seeds: two at least.

    Returns:
        A dictionary that fits into JSON. Each of its `models` has, over the seeds, `coherence` and `diversity` with `value`
        (the mean), `low` and `high`, its `stability`, and the `topics` of the first seed with their `words`, `coherence` and
        number of `texts`. Topics of the first model are in order of their texts; topic n of another model is the one that
        shares its texts with the first one's, matched so that most texts are shared.

    Raises:
        UserError: fewer texts than topics, or too few words.
        ValueError: an embedding of other texts, one seed, or two models of one name.
    """
    if len(set(seeds)) < 2:
        raise ValueError("two different seeds are needed")
    if WORDS_MODEL in embeddings_by_name:
        raise ValueError(f"{WORDS_MODEL} is the name of another model")
    counts = _counted(texts, topics)
    reduced = {name: _reduced(texts, values) for name, values in embeddings_by_name.items()}
    found = {name: [_clustered(counts, values, topics, seed) for seed in seeds] for name, values in reduced.items()}
    found[WORDS_MODEL] = [_factored(counts, topics, seed) for seed in seeds]
    first = next(iter(found.values()))[0].assigned
    by_size = np.argsort(-np.bincount(first[first >= 0], minlength=topics), kind="stable")
    reference = np.where(first >= 0, np.argsort(by_size)[first], NO_TOPIC)
    return {
        "schema": SCHEMA,
        "texts": len(texts),
        "words": len(counts.names),
        "seeds": [int(seed) for seed in seeds],
        "models": [_scored(name, runs, counts, reference) for name, runs in found.items()],
    }


def draw(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw the scores of `compare` as bars, a colour for each model, into topics.png of a folder; give the files written."""
    models = result["models"]
    width = 0.8 / len(models)
    with plain_text():
        figure, axes = new_figure(11, 5)
        for number, model in enumerate(models):
            places = np.arange(len(MEASURES)) + (number - (len(models) - 1) / 2) * width
            spans = [_span(model, measure) for measure in MEASURES]
            values, low, high = (np.array([span[key] for span in spans]) for key in ("value", "low", "high"))
            axes.bar(places, values, width, color=PALETTE[number % len(PALETTE)], label=model["name"])
            ranges = np.where(high > low, [values - low, high - values], np.nan)  # stability is one number of all seeds
            axes.errorbar(places, values, ranges, fmt="none", ecolor="0.3", capsize=2, linewidth=1)
            for place, span in zip(places, spans, strict=True):
                axes.annotate(
                    f"{span['value']:.2f}", (place, max(0.0, span["high"])), (0, 2), textcoords="offset points", ha="center", fontsize=7
                )
        axes.axhline(0, color="0.4", linewidth=0.8)
        axes.set_xticks(range(len(MEASURES)), [name.replace(" (", "\n(") for name in MEASURES.values()])
        axes.set(ylim=(min(0.0, axes.get_ylim()[0]), 1.08), ylabel="score, 1 is best (mean and range over seeds)")
        axes.set_title(f"{len(models[0]['topics'])} topics of {result['texts']:,} texts, {len(result['seeds'])} seeds")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
        return [save_figure(figure, folder / "topics.png")]


def scores_table(result: Mapping[str, Any], style: str = "simple") -> str:
    """Set the scores of `compare` as a table, with the range over the seeds where there is one; styles are tabulate's."""
    rows = [[model["name"], *(_cell(_span(model, measure)) for measure in MEASURES)] for model in result["models"]]
    return _table(["model", *MEASURES.values()], rows, style, ["left", *["right"] * len(MEASURES)])


def as_markdown(result: Mapping[str, Any]) -> str:
    """Write the scores of `compare` and the words of its topics side by side as Markdown."""
    models = result["models"]
    names = [model["name"].replace("|", "\\|") for model in models]
    rows = zip(*(model["topics"] for model in models), strict=True)
    topics = [
        [str(number), *(f"{', '.join(topic['words'])} ({topic['texts']:,})" for topic in row)] for number, row in enumerate(rows, start=1)
    ]
    seeds = ", ".join(map(str, result["seeds"]))
    escaped = {**result, "models": [{**model, "name": name} for model, name in zip(models, names, strict=True)]}
    return "\n".join(
        [
            "# Topics",
            "",
            f"{len(topics)} topics of {result['texts']:,} texts over {result['words']:,} words; seeds {seeds}.",
            "Mean over the seeds, lowest and highest in brackets. 1 is best.",
            "",
            scores_table(escaped, "pipe"),
            "",
            f"Top words with seed {result['seeds'][0]}, number of texts in brackets. Topics in one row share the most texts.",
            "",
            _table(["topic", *names], topics, "pipe", ["right", *["left"] * len(names)]),
            "",
        ]
    )


# Words


def _words_of(text: str) -> list[str]:
    """Words in lower case. Numbers tell no topic; single letters do so only in scripts where each is a word."""
    words = clean(text, "default").split()
    return [word for word in words if not word.isnumeric() and (len(word) > 1 or any(low <= ord(word) <= high for low, high in UNSPACED))]


def _counted(texts: Sequence[str], topics: int) -> _Counts:
    """Count the words that stand in enough texts and not in too many.

    Raises:
        UserError: no sensible number of topics, fewer texts than topics, or fewer such words than top words.
    """
    if topics < 2:
        raise UserError(f"{topics} topics", "give 2 at least")
    if len(texts) < topics:
        raise UserError(f"{len(texts)} texts cannot have {topics} topics", "give more texts or fewer topics")
    vectorizer = CountVectorizer(analyzer=_words_of)
    remedy = "give more texts, or longer ones"
    try:
        counts = sparse.csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:  # no text has a word
        raise UserError("the texts have no words", remedy) from None
    holding = counts.getnnz(axis=0)
    kept = np.flatnonzero((holding >= LEAST_TEXTS) & (holding <= LARGEST_SHARE * len(texts)))
    if len(kept) < TOP_WORDS:
        raise UserError(f"{len(kept)} words stand in {LEAST_TEXTS} texts or more and in at most {LARGEST_SHARE:.0%} of them", remedy)
    return _Counts(counts[:, kept], vectorizer.get_feature_names_out()[kept])


def _top(weights: np.ndarray, names: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """The heaviest words of each row of weights (topics, words); a word without weight is none of them."""
    order = np.argsort(-weights, axis=1, kind="stable")[:, :TOP_WORDS]
    return tuple(tuple(str(names[word]) for word in row if weights[topic, word] > 0) for topic, row in enumerate(order))


# Two ways to topics


def _reduced(texts: Sequence[str], embeddings: np.ndarray) -> np.ndarray:
    """Embeddings of length 1, reduced by PCA: float64 (texts, components)."""
    if embeddings.ndim != 2 or len(embeddings) != len(texts):
        raise ValueError(f"{len(texts)} texts, embeddings of shape {embeddings.shape}")
    rows = normalize(embeddings.astype(np.float64))
    return np.asarray(PCA(min(COMPONENTS, *rows.shape), svd_solver="full").fit_transform(rows))


def _clustered(words: _Counts, reduced: np.ndarray, topics: int, seed: int) -> Topics:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different texts than topics: some have no words
        assigned = KMeans(topics, n_init=STARTS, random_state=seed).fit(reduced).labels_.astype(np.int64)
    return Topics(_top(_class_weights(words.counts, assigned, topics), words.names), assigned)


def _class_weights(counts: sparse.csr_matrix, assigned: np.ndarray, topics: int) -> np.ndarray:
    """Class-based TF-IDF: float64 (topics, words)."""
    members = sparse.csr_matrix((np.ones(len(assigned)), (assigned, np.arange(len(assigned)))), (topics, len(assigned)))
    in_class = (members @ counts).toarray()
    in_all = in_class.sum(axis=0)
    return np.asarray(in_class * np.log1p(in_class.sum() / topics / in_all))


def _factored(words: _Counts, topics: int, seed: int) -> Topics:
    weights = TfidfTransformer().fit_transform(words.counts)
    fits = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last steps move no top word
        for start in np.random.default_rng(seed).integers(2**31, size=STARTS):  # those of neighbouring seeds differ
            model = NMF(topics, init="random", random_state=int(start), max_iter=NMF_STEPS)
            fits.append((model, model.fit_transform(weights)))
    best, shares = min(fits, key=lambda fit: fit[0].reconstruction_err_)
    # How far a factor's words and its shares are scaled against each other is arbitrary.
    shares = shares * best.components_.sum(axis=1)
    assigned = np.where(shares.max(axis=1) > 0, shares.argmax(axis=1), NO_TOPIC).astype(np.int64)
    return Topics(_top(best.components_, words.names), assigned)


# Scores


def _coherences(words: Sequence[Sequence[str]], texts: _Counts) -> list[float]:
    """Mean NPMI of the pairs of words of each topic."""
    column = {name: number for number, name in enumerate(texts.names)}
    holds = (texts.counts > 0).astype(np.float64).tocsc()
    found = []
    for topic in words:
        some = holds[:, [column[word] for word in topic]]
        together = (some.T @ some).toarray() / holds.shape[0]
        alone = np.diag(together)
        pairs = np.triu_indices(len(topic), 1)
        values = [_npmi(together[i, j], alone[i] * alone[j]) for i, j in zip(*pairs, strict=True)]
        found.append(float(np.mean(values)) if values else 0.0)
    return found


def _npmi(together: float, by_chance: float) -> float:
    if together == 0:
        return -1.0
    return 1.0 if together >= 1 else float(np.log(together / by_chance) / -np.log(together))


def _words_in_common(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> float:
    """Mean Jaccard index of matched topics."""
    table = np.array([[len({*a} & {*b}) / max(1, len({*a} | {*b})) for b in other] for a in one])
    return float(table[linear_sum_assignment(table, maximize=True)].mean())


def _scored(name: str, runs: Sequence[Topics], counts: _Counts, reference: np.ndarray) -> dict[str, Any]:
    first, values = runs[0], [_coherences(run.words, counts) for run in runs]
    sizes = np.bincount(first.assigned[first.assigned >= 0], minlength=len(first.words))
    order = _matched(reference, first)
    return {
        "name": name,
        "coherence": _range([float(np.mean(each)) for each in values]),
        "diversity": _range([diversity(run.words) for run in runs]),
        "stability": stability(runs),
        "topics": [{"words": list(first.words[n]), "coherence": values[0][n], "texts": int(sizes[n])} for n in order],
    }


def _matched(reference: np.ndarray, found: Topics) -> list[int]:
    """For each topic of the reference (texts,) the one of `found` that is matched with it, so that most texts are shared."""
    shared = np.zeros((len(found.words), len(found.words)))
    both = (reference >= 0) & (found.assigned >= 0)
    np.add.at(shared, (reference[both], found.assigned[both]), 1)
    return [int(number) for number in linear_sum_assignment(shared, maximize=True)[1]]


def _range(values: Sequence[float]) -> dict[str, float]:
    return {"value": float(np.mean(values)), "low": float(min(values)), "high": float(max(values))}


def _span(model: Mapping[str, Any], measure: str) -> Mapping[str, float]:
    """Value, low and high of a measure of `MEASURES`; stability is one number, of all seeds."""
    return model[measure] if measure in model else _range([model["stability"][measure]])


def _cell(span: Mapping[str, float]) -> str:
    shown = f"{span['value']:.3f}"
    return shown if span["low"] == span["high"] else f"{shown} ({span['low']:.3f} to {span['high']:.3f})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str, sides: Sequence[str]) -> str:
    table = tabulate(rows, headers=list(head), tablefmt=style, disable_numparse=True, colalign=sides)
    return "\n".join(line.rstrip() for line in table.splitlines())
