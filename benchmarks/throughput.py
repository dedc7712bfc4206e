"""What a raw text costs in each step from text to probability, and beside it what the same costs text by text.

Reads    MODEL, a network of words with its vocabulary; TEXTS, more texts in UNLABELLED
Writes   nothing; prints microseconds a text, shares and ratios. Ends with 1 if an id or a share of known words differs from
         that of the text alone, or a probability by more than 1e-6.
Command  python benchmarks/throughput.py [--texts "data/IMDB Dataset.csv" --unlabelled imdb-unlabelled.csv] [--count 0]

"Text by text": each text is cleaned, its words looked up one after the other, the share of known words counted in a second
pass, and 64 texts in the order in which they come go into a call of the network. Both ways read each part of the texts in
turns, so that what else the machine does touches both. One process, one thread.
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODEL = "results/make/pocket.zip"  # model file
TEXTS = None  # CSV, TSV or fastText file of texts and labels; by default the bundled reviews
UNLABELLED = None  # CSV of texts without labels
TEXT_COLUMN = "review"  # column of the texts, in both files
LABEL_COLUMN = "sentiment"  # column of the labels
COUNT = 10_000  # [0, 100000000] texts drawn at random; 0: all
PART = 1000  # [64, 100000] texts that are read in one call
SEED = 1  # [0, 2147483647] of the draw

TOLERANCE = 1e-6  # [0.0, 1.0] most that a probability may differ by


def main(arguments: list[str] | None = None) -> None:
    """Read all parts in both ways; see the top of the file."""
    import statistics
    import time

    import numpy as np

    from sentipress.core import cli
    from sentipress.core.errors import UserError
    from sentipress.data import sources
    from sentipress.data.cleaning import clean
    from sentipress.runtimes import registry
    from sentipress.runtimes.litert import TOGETHER, LiteRTModel
    from sentipress.runtimes.pocket import PocketModel
    from sentipress.text.tokenizer import Tokenizer

    settings = cli.settings(__file__, arguments)
    model = registry.open_model(Path(settings.model))
    network = model.network if isinstance(model, PocketModel) else model
    if not isinstance(network, LiteRTModel) or not isinstance(network.encoder, Tokenizer):
        raise UserError(f"{settings.model} is no LiteRT network of words", "give a pocket.zip or a .tflite file of stages 3 to 6")
    tokenizer = network.encoder
    path = Path(settings.texts) if settings.texts else None
    texts = sources.read(path, settings.text_column, settings.label_column, list(model.task.labels)).frame["review"].tolist()
    if settings.unlabelled:
        texts += sources.read_unlabelled(Path(settings.unlabelled), settings.text_column).tolist()
    if settings.count and settings.count < len(texts):
        chosen = np.random.default_rng(settings.seed).permutation(len(texts))[: settings.count]
        texts = [texts[number] for number in chosen]

    def alone(some: list[str]) -> tuple[np.ndarray, np.ndarray, list[float]]:
        """Ids, shares of known words, and moments: after cleaning, ids and shares."""
        moments = [time.perf_counter()]
        cleaned = [clean(text, tokenizer.cleaning) for text in some]
        moments.append(time.perf_counter())
        ids = np.zeros((len(some), tokenizer.sequence_length), np.int32)
        for row, text in zip(ids, cleaned, strict=True):
            all_ids = tokenizer.ids(text) or [1]
            kept = all_ids[-len(row) :] if tokenizer.truncating == "pre" else all_ids[: len(row)]
            row[slice(-len(kept), None) if tokenizer.padding == "pre" else slice(len(kept))] = kept
        moments.append(time.perf_counter())
        shares = np.array([tokenizer.known_share(text) for text in cleaned])
        moments.append(time.perf_counter())
        return ids, shares, moments

    steps = ("cleaning", "ids", "known shares", "network", "words, many at once", "ids and shares, many at once", "network, by length")
    spent: dict[str, list[float]] = {name: [] for name in steps}
    wrong, largest = 0, 0.0
    for start in range(0, len(texts), settings.part):
        some = texts[start : start + settings.part]
        ids, shares, moments = alone(some)
        one_by_one = [network.predict_batch(ids[first : first + TOGETHER]) for first in range(0, len(ids), TOGETHER)]
        moments.append(time.perf_counter())
        words = [tokenizer.raw_words(text) for text in some]
        moments.append(time.perf_counter())
        many_ids, many_shares = tokenizer.read_words(words)
        moments.append(time.perf_counter())
        probabilities = network.predict_batch(many_ids)
        moments.append(time.perf_counter())
        for name, seconds in zip(steps, np.diff(moments), strict=True):
            spent[name].append(1e6 * float(seconds) / len(some))
        wrong += int(np.sum((ids != many_ids).any(axis=1) | (shares != many_shares)))
        largest = max(largest, float(np.abs(probabilities - np.concatenate(one_by_one)).max()))

    medians = {name: statistics.median(values) for name, values in spent.items()}
    for group in (steps[:4], steps[4:]):
        whole = sum(medians[name] for name in group)
        for name in group:
            print(f"{name:30} {medians[name]:6.1f} us a text, {medians[name] / whole:4.0%}")
        print(f"{'together':30} {whole:6.1f} us a text, {1e6 / whole:,.0f} texts a second")
    before, after = (np.sum([spent[name] for name in group], axis=0) for group in (steps[:4], steps[4:]))
    read_before, read_after = (np.sum([spent[name] for name in group], axis=0) for group in (steps[:3], steps[4:6]))
    print(f"many at once takes {np.median(after / before):.2f} of the time; without the network {np.median(read_after / read_before):.2f}")
    print(f"{len(texts):,} texts: {wrong} with other ids or shares, probabilities differ by {largest:.1e} at most")
    if wrong or largest > TOLERANCE:
        raise SystemExit(1)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
