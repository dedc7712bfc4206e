"""Does a bag of words get smaller without its vocabulary? Words and pairs hashed into buckets, beside the packed ones.

Reads    artifacts/reviews.csv (stage 1), of two labels
Writes   OUTPUT; prints one line per package, then the best of each kind at the bytes of each packed one
Command  python benchmarks/hashing.py [--artifacts FOLDER] [--kinds plain,pruned]

A hashed package is a zip of weights and metadata, a term's number is its MurmurHash3. The kinds are

plain     a weight for each bucket, trained as the packed ones are: NB-weighted
signed    half of the terms count -1, so that terms in one bucket cancel out on average; without NB weighting, which knows no signs
frequent  plain, but terms of few training texts do not train
pruned    the strongest of many buckets, trained again; the package says which, and the others weigh nothing
"""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sentipress.core.errors import UserError, exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
KINDS = "plain,signed,frequent,pruned"  # what is hashed and how, see above
BUCKET_BITS = "17,18,19,20"  # buckets of all kinds but pruned, as powers of two: weights of 8 bits take 40 to 300 KB
PRUNED_BITS = "20,22"  # buckets of which few are kept; of more, each costs a bit more and shares less
KEPT = "12000,24000,34000,50000,95000,190000"  # buckets that are kept; about two bytes each
LEAST_TEXTS = 3  # [2, 1000] training texts that have a term of the kind frequent
TERMS = "5600,11900,16000,23200,41600,78600"  # of the packed ones: those of packing.py, and one of half the least
BITS = "8,4"  # of a weight
C_VALUES = "0.03,0.1,0.3"  # scikit-learn's C, as in packing.py
SIGNED_C_VALUES = "0.003,0.01,0.03,0.1"  # of the kind signed, whose features are larger than NB-weighted ones
OUTPUT = None  # JSON of all results; printed only by default


class Trained(NamedTuple):
    """Weights of buckets.

    Attributes:
        kept: numbers of the buckets that have one, rising; None for all.
        weights: float64 (kept buckets,).
        bias: of the score.
        features: validation texts by kept buckets, sparse.
        about: how it was trained, for the JSON.
    """

    kept: Any
    weights: Any
    bias: float
    features: Any
    about: dict[str, Any]


def folded(features: Any, bits: int, signed: bool = False) -> Any:
    """Texts by 2^`bits` buckets from texts by more of them: what the vectorizer would have given, since it takes the remainder."""
    from scipy import sparse

    shape = (features.shape[0], 1 << bits)
    fewer = sparse.csr_matrix((features.data.copy(), features.indices % shape[1], features.indptr.copy()), shape=shape)
    fewer.sum_duplicates()
    if not signed:
        fewer.data[:] = 1
    return fewer


def gaps(kept: Any) -> bytes:
    """Rising numbers as the buckets left out before each; 255 stands for 255 more and goes on."""
    import numpy as np

    between = np.diff(kept, prepend=-1) - 1
    return b"".join(b"\xff" * (gap // 255) + bytes([gap % 255]) for gap in between.tolist())


def package(trained: Trained, buckets: int, quantized: Any) -> int:
    """Bytes of the zip."""
    about = {"buckets": buckets, "bits": quantized.bits, "max_ngram": 2, "bias": trained.bias, "scale": float(quantized.scale[0])}
    members = {"weights.bin": quantized.packed(), "metadata.json": json.dumps(about).encode()}
    if trained.kept is not None:
        members["gaps.bin"] = gaps(trained.kept)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return len(stream.getvalue())


def models(kind: str, settings: Any, hashed: dict[bool, dict[str, Any]], positive: Any) -> Iterator[tuple[int, Trained]]:
    """Train all of one kind; gives bits of the buckets and weights."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    from sentipress.linear.fitting import _against_the_rest

    signed = kind == "signed"
    texts, validation = hashed[signed]["train"], hashed[signed]["validation"]
    if kind == "frequent":
        texts = texts.multiply(np.bincount(texts.indices, minlength=texts.shape[1]) >= settings.least_texts).tocsr()
        texts.eliminate_zeros()
    for bits in map(int, (settings.pruned_bits if kind == "pruned" else settings.bucket_bits).split(",")):
        features, scored = folded(texts, bits, signed), folded(validation, bits, signed)
        if kind == "pruned":
            weights, _ = _against_the_rest(features, positive, 0.1)  # the C of classical_nb, which selects the packed ones' terms
            strength = np.abs(weights) * np.sqrt(np.asarray(features.sum(axis=0)).ravel())
            order = np.argsort(-strength, kind="stable")
            for count in map(int, settings.kept.split(",")):
                kept = np.sort(order[:count])
                for C in map(float, settings.c_values.split(",")):
                    about = {"kept": count, "C": C}
                    yield bits, Trained(kept, *_against_the_rest(features[:, kept], positive, C), scored[:, kept], about)
        elif signed:
            for C in map(float, settings.signed_c_values.split(",")):
                classifier = LogisticRegression(C=C, max_iter=1000, solver="liblinear", dual=True, random_state=0)
                classifier.fit(features, positive)
                yield bits, Trained(None, classifier.coef_[0], float(classifier.intercept_[0]), scored, {"C": C})
        else:
            for C in map(float, settings.c_values.split(",")):
                yield bits, Trained(None, *_against_the_rest(features, positive, C), scored, {"C": C})


def packed(settings: Any, reviews: Any) -> Iterator[dict[str, Any]]:
    """Train and pack the bags of words with a vocabulary, as packing.py does."""
    import tempfile

    from sentipress.core import cli
    from sentipress.linear.fitting import ClassicalSpec, Counted
    from sentipress.runtimes import packed_words

    specs = cli.script_literals(Path(__file__).resolve().parent.parent / "classical.py")["SPECS"]
    spec, task = ClassicalSpec(*specs["classical_nb"]), reviews.task
    counted = Counted(spec, reviews.texts("train"), reviews.labels("train"), reviews.recipe, task)
    whole = counted.fit()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "packed.zip"
        for terms in map(int, settings.terms.split(",")):
            kept = counted.strongest(whole, terms)
            for C in map(float, settings.c_values.split(",")):
                model = counted.fit(kept, C)
                for bits in map(int, settings.bits.split(",")):
                    packed_words.save(path, model, bits)
                    probabilities = packed_words.PackedWords(path, "").predict(reviews.texts("validation"))
                    right = float(task.right(probabilities, reviews.labels("validation")).mean())
                    found = {"kind": "packed", "terms": terms, "C": C, "bits": bits}
                    yield {**found, "bytes": path.stat().st_size, "validation_accuracy": right}


def main(arguments: list[str] | None = None) -> None:
    """Train on the training texts, score the validation texts; the test texts are not read."""
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    from sentipress.core import cli, files
    from sentipress.data import corpus
    from sentipress.evaluation.environment import environment
    from sentipress.runtimes.packed_words import Quantized

    settings = cli.settings(__file__, arguments)
    reviews = corpus.load(Path(settings.artifacts))
    if not reviews.task.binary:
        raise UserError(f"{len(reviews.task.labels)} labels", "give a folder of two labels")
    results = []

    def add(found: dict[str, Any]) -> None:
        results.append(found)
        what = ", ".join(f"{key} {value}" for key, value in found.items() if key not in ("bytes", "validation_accuracy"))
        print(f"{what}: {found['bytes'] / 1024:.1f} KB, {found['validation_accuracy']:.2%} on validation", flush=True)

    for found in packed(settings, reviews):
        add(found)

    kinds = settings.kinds.split(",")
    positive, truth = reviews.labels("train") == 1, reviews.labels("validation") == 1
    most = max(map(int, f"{settings.bucket_bits},{settings.pruned_bits}".split(",")))
    hashed = {}
    for signed in {kind == "signed" for kind in kinds}:
        counting = {"ngram_range": (1, 2), "token_pattern": r"\S+", "lowercase": False, "norm": None}
        vectorizer = HashingVectorizer(n_features=1 << most, alternate_sign=signed, **counting)
        hashed[signed] = {split: vectorizer.transform(reviews.texts(split)) for split in ("train", "validation")}
        for features in hashed[signed].values():
            np.sign(features.data, out=features.data)  # a term counts once; the vectorizer's `binary` would drop the signs
    for kind in kinds:
        for buckets, trained in models(kind, settings, hashed, positive):
            for bits in map(int, settings.bits.split(",")):
                quantized = Quantized.of(trained.weights[:, np.newaxis], bits)
                says = trained.features @ quantized.floats()[:, 0] + trained.bias > 0
                found = {"kind": kind, "bucket_bits": buckets, **trained.about, "bits": bits}
                add({**found, "bytes": package(trained, 1 << buckets, quantized), "validation_accuracy": float((says == truth).mean())})

    # %% The best of each kind within the bytes of the largest package of so many terms
    comparison = []
    for terms in map(int, settings.terms.split(",")):
        own = [found for found in results if found.get("terms") == terms]
        limit = max(found["bytes"] for found in own)
        rivals = [[found for found in results if found["kind"] == kind and found["bytes"] <= limit] for kind in kinds]
        best = [max(some, key=lambda found: found["validation_accuracy"]) for some in (own, *rivals) if some]
        comparison.append({"terms": terms, "bytes": limit, "best": best})
        scores = ", ".join(f"{found['kind']} {found['validation_accuracy']:.2%} ({found['bytes'] / 1024:.1f} KB)" for found in best)
        print(f"{terms:,} terms: {scores}")
    if settings.output:
        content = {"validation_texts": len(truth), "comparison": comparison, "results": results}
        files.write_json(Path(settings.output), {"schema": 1, "environment": environment(), **content})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
