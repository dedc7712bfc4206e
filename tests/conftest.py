"""Shared fixtures: real reviews of the bundled package, one full run of the stages, and what is slow to make twice.

The run of the stages is made once for all workers and kept in pytest's cache under a hash of the code and the
requirements; `pytest --cache-clear` throws it away.
"""

import gc
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

# A worker and what it starts get one thread: two workers on two cores would only wait for each other's threads.
for variable in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import pandas as pd  # noqa: E402
import pytest  # noqa: E402
from filelock import FileLock  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sentipress.core import files, manifest  # noqa: E402
from sentipress.data import sources  # noqa: E402

STAGES = manifest.LSTM.scripts
CACHE = ROOT / ".pytest_cache" / "d" / "sentipress"
KEPT_RUNS = 3  # of different code, the newest ones
# Files that take minutes come first, one to a worker, so that no worker is left with one of them alone at the end. The first
# of them does without the run of the stages, which the second one makes meanwhile.
SLOWEST = (
    "test_faults",
    "test_search",
    "test_models",
    "test_labels",
    "test_stages",
    "test_encoder_stages",
    "test_combination",
    "test_distillation",
)

# Small enough for seconds, large enough to learn: 1,500 reviews, 8 units.
REVIEWS = 1500
CHAIN = "vocabulary,distil=4x4,round,int4,pack"
LINKS = {
    "pocket_1_vocabulary": ".keras",
    "pocket_2_distil": ".keras",
    "pocket_3_round": ".keras",
    "pocket_4_int4": ".tflite",
}  # before it is packed
_QUICK = ["--latency-reviews", "10", "--no-deployment"]
_TRAINED = ["--epochs", "2", "--batch-size", "32", *_QUICK]
_TAUGHT = ["--teacher", "modelo_base+classical_pairs", "--learning-rate", "0.01", *_TRAINED]
SMALL = {
    manifest.PREPROCESSING: ["--out-of-domain-texts", "200", "--passages", "100", "--made-sentences", "300"],
    manifest.BASELINE: [
        *("--vocabulary-size", "3000", "--pairs", "200", "--sequence-length", "100", "--embedding-dim", "8", "--units", "8"),
        *("--learning-rate", "0.01", *_TRAINED),
    ],
    manifest.CLASSICAL: ["--only", "classical_pairs", "--latency-reviews", "10"],
    manifest.QUANTIZATION: ["--latency-reviews", "10"],
    manifest.PRUNING: ["--learning-rate", "0.005", *_TRAINED],
    manifest.DISTILLATION: ["--techniques", "response,self,pseudo", "--patience", "1", *_TAUGHT],
    manifest.COMBINATION: ["--chain", CHAIN, "--varied", "0.2", *_TAUGHT],
}
_BAG = SMALL[manifest.CLASSICAL][1]  # the only bag of words
# Models of the run: name to ending.
_CLASSICAL = {row.name for row in manifest.LSTM.stage(manifest.CLASSICAL).rows} - {"classical_pairs"}
_NOT_MADE = {*_CLASSICAL, *(f"modelo_destilado_{technique}" for technique in ("feature", "relation", "online"))}
MODELS = {row.name: row.suffix for stage in manifest.LSTM.stages for row in stage.rows if row.name not in _NOT_MADE} | LINKS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first; the order inside a file stays."""
    order = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def pytest_collection_finish() -> None:
    """Leave what all test files have imported out of garbage collections: a million objects that stay to the end."""
    gc.collect()
    gc.freeze()


def load_stage(name: str) -> ModuleType:
    """A stage as a module; importing it runs nothing."""
    spec = importlib.util.spec_from_file_location("stage_" + Path(name).stem.split("_", 1)[0], ROOT / name)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_stage(name: str, artifacts: Path, *flags: str) -> None:
    """Run a stage in this process, as its main() would from a terminal."""
    load_stage(name).main(["--artifacts", str(artifacts), *SMALL.get(name, []), *flags])


def record(artifacts: Path, name: str) -> dict[str, Any]:
    """The metrics of a model, as they stand in the file."""
    found: dict[str, Any] = json.loads((artifacts / f"{name}{manifest.METRICS}").read_text(encoding="utf-8"))
    return found


def hashes(artifacts: Path) -> dict[str, str]:
    """SHA-256 of each file of a folder, by name; hidden files and sub-folders are left out."""
    return {path.name: files.sha256(path) for path in sorted(artifacts.iterdir()) if path.is_file() and not path.name.startswith(".")}


def stages_with(place: Path, script: str, constant: str, value: str) -> Path:
    """A folder with all stages, one of which has another constant."""
    place.mkdir()
    for name in STAGES:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        if name == script:
            assert sum(line.startswith(f"{constant} =") for line in lines) == 1
            lines = [f"{constant} = {value}" + line[line.find("  #") :] if line.startswith(f"{constant} =") else line for line in lines]
        (place / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


# Reviews


@pytest.fixture(scope="session")
def bundled() -> pd.DataFrame:
    """All 25,000 bundled IMDB reviews: columns review, label."""
    return sources.read_bundled()


@pytest.fixture(scope="session")
def sample(bundled: pd.DataFrame) -> pd.DataFrame:
    """1,500 of them."""
    return bundled.sample(REVIEWS, random_state=0).reset_index(drop=True)


@pytest.fixture(scope="session")
def sample_csv(sample: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with Kaggle's columns."""
    path = tmp_path_factory.mktemp("data") / "IMDB Dataset.csv"
    kaggle = pd.DataFrame({"review": sample["review"], "sentiment": sample["label"].map({0: "negative", 1: "positive"})})
    kaggle.to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def unlabelled_csv(sample: pd.DataFrame, bundled: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 reviews without labels: 20 of them are in the sample, 10 stand twice."""
    others = bundled["review"][~bundled["review"].isin(set(sample["review"]))].drop_duplicates().iloc[:270]
    path = tmp_path_factory.mktemp("data") / "unlabelled.csv"
    pd.DataFrame({"review": [*others, *sample["review"][:20], *others[:10]]}).to_csv(path, index=False)
    return path


# What is slow to make


def code_hash() -> str:
    """SHA-256 over everything that the run of the stages depends on: package, scripts, requirements, this file."""
    package = [path for path in (ROOT / "sentipress").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    others = [*(ROOT / name for name in (*STAGES, "requirements.txt")), Path(__file__)]
    content = [sys.version, *(f"{path.relative_to(ROOT)} {files.sha256(path)}" for path in sorted([*package, *others]))]
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]


def state(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder."""
    return {str(path.relative_to(folder)): files.sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def cached(name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` fills, made once for all workers and kept for later calls of pytest with the same code.

    It is built under another name and moved when it is whole, with the hashes of its files, so that a killed build or a
    test that has changed a file does no harm to a later call.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    place = CACHE / f"{name}-{code_hash()}"
    folder, marks = place / "artifacts", place / "state.json"
    with FileLock(CACHE / f"{name}.lock"):
        if marks.is_file() and json.loads(marks.read_text(encoding="utf-8")) == state(folder):
            os.utime(place)
            return folder
        building = CACHE / f"{name}-building"
        for path in (building, place):
            shutil.rmtree(path, ignore_errors=True)
        make(building / "artifacts")
        files.write_json(building / "state.json", state(building / "artifacts"))
        building.replace(place)
        for path in sorted(CACHE.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime)[:-KEPT_RUNS]:
            shutil.rmtree(path, ignore_errors=True)
    return folder


@pytest.fixture(scope="session")
def run(sample_csv: Path, unlabelled_csv: Path) -> Iterator[Path]:
    """The artifacts of all stages, run in order. Tests must not change them: copy first."""

    def make(artifacts: Path) -> None:
        given = ("--data", str(sample_csv), "--unlabelled", str(unlabelled_csv), "--sentences", "2000")
        run_stage(STAGES[0], artifacts, *given)
        for name in STAGES[1:]:
            run_stage(name, artifacts)

    folder = cached("run", make)
    before = state(folder)
    yield folder
    assert state(folder) == before, "a test has changed the run that all tests share"
