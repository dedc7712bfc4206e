"""How to pack a bag of words: validation accuracy and bytes by number of terms, bits of a weight and scikit-learn's C.

Reads    artifacts/reviews.csv (stage 1)
Writes   OUTPUT; prints one line per package
Command  python benchmarks/packing.py [--artifacts FOLDER] [--terms 11900,41600]
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
TERMS = "11900,16000,23200,41600,78600"  # how many of the strongest ones are kept
BITS = "8,4"  # of a weight
C_VALUES = "0.03,0.1,0.3"  # of the second training, on those terms alone
OUTPUT = None  # JSON of all results; printed only by default


def main(arguments: list[str] | None = None) -> None:
    """Train on the training texts, score the validation texts; the test texts are not read."""
    import tempfile

    from sentipress.core import cli, files
    from sentipress.data import corpus
    from sentipress.evaluation.environment import environment
    from sentipress.linear.fitting import ClassicalSpec, Counted
    from sentipress.runtimes import packed_words

    settings = cli.settings(__file__, arguments)
    reviews = corpus.load(Path(settings.artifacts))
    specs = cli.script_literals(Path(__file__).resolve().parent.parent / "classical.py")["SPECS"]
    task, texts, truth = reviews.task, reviews.texts("validation"), reviews.labels("validation")
    counted = Counted(ClassicalSpec(*specs["classical_nb"]), reviews.texts("train"), reviews.labels("train"), reviews.recipe, task)
    whole = counted.fit()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for terms in map(int, settings.terms.split(",")):
            kept = counted.strongest(whole, terms)
            for C in map(float, settings.c_values.split(",")):
                model = counted.fit(kept, C)
                for bits in map(int, settings.bits.split(",")):
                    path = Path(folder) / "packed.zip"
                    packed_words.save(path, model, bits)
                    accuracy = float(task.right(packed_words.PackedWords(path, "").predict(texts), truth).mean())
                    size = path.stat().st_size
                    results.append({"terms": terms, "C": C, "bits": bits, "bytes": size, "validation_accuracy": accuracy})
                    print(f"{terms:,} terms, C = {C:g}, {bits} bits: {size / 1024:.1f} KB, {accuracy:.2%} on validation", flush=True)
    if settings.output:
        files.write_json(Path(settings.output), {"schema": 1, "environment": environment(), "results": results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
