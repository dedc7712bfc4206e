"""How the loop of a `.tflite` file is best written: words in a turn, and both directions in one product or in two.

Reads    the lengths of the bundled reviews; the weights are random, which costs the same time
Writes   nothing; prints one line per shape and variant, with the ratio to one word a turn, all in turns in one run
Command  python benchmarks/loop.py [--shapes 8x8,16x16 --chunks 1,4 --formats dynamic_range,float32]
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
SHAPES = "8x8,16x16,32x32,64x64"  # columns x units of networks that read both ways
CHUNKS = "1,2,4,8"  # words in a turn of the loop
FORMATS = "dynamic_range"  # of float32, float16, dynamic_range, int4
VOCABULARY_SIZE = 8000  # [10, 1000000] rows of the embedding
SEQUENCE_LENGTH = 400  # [1, 4096] ids of a review at most; a chunk that does not divide it is made smaller
REVIEWS = 200  # [10, 100000] timed one by one, each by every variant before the next
SEED = 1  # [0, 2147483647] of reviews and weights


def main(arguments: list[str] | None = None) -> None:
    """Export each variant, time them in turns, print medians."""
    import tempfile
    import time

    import numpy as np

    from sentipress.core import cli
    from sentipress.core.backend import deterministic
    from sentipress.data.sources import read_bundled
    from sentipress.lstm import export, networks
    from sentipress.pipeline import chain_links
    from sentipress.runtimes.litert import LiteRTModel

    settings = cli.settings(__file__, arguments)
    random = np.random.default_rng(settings.seed)
    words = read_bundled()["review"].sample(settings.reviews, random_state=settings.seed).str.split().str.len()
    ids = np.zeros((settings.reviews, settings.sequence_length), np.int32)
    for row, length in zip(ids, words.clip(upper=settings.sequence_length), strict=True):
        row[:length] = random.integers(1, settings.vocabulary_size, length)
    for shape in settings.shapes.split(","):
        columns, units = chain_links.shape_of(shape)
        spec = networks.ModelSpec(settings.vocabulary_size, settings.sequence_length, columns, units, True, "wide", 0.0, 0.0)
        deterministic(settings.seed)
        network = networks.build(spec)
        for number_format in settings.formats.split(","):
            files = {}
            for chunk in settings.chunks.split(","):
                for name, most in (("one product", units), ("two products", 0)):
                    export.LONGEST_CHUNK, export.TOGETHER_UNITS = int(chunk), most
                    content = export.to_tflite(network, spec, number_format)
                    with tempfile.TemporaryDirectory() as folder:
                        path = Path(folder) / "model.tflite"
                        path.write_bytes(content)
                        files[chunk, name] = len(content), LiteRTModel(path, "")
            spent = np.empty((len(files), len(ids)))
            for review, row in enumerate(ids):
                for variant, (_, model) in enumerate(files.values()):
                    begun = time.perf_counter()
                    model.predict_one(row[np.newaxis])
                    spent[variant, review] = time.perf_counter() - begun
            for (chunk, name), (size, _), times in zip(files, files.values(), spent, strict=True):
                ratio = np.median(times / spent[0])
                what = f"{shape} {number_format}, {chunk} words a turn, {name}"
                print(f"{what}: {1000 * np.median(times):.2f} ms, {ratio:.2f} of the first, {size:,} bytes", flush=True)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
