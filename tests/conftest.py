"""Shared fixtures: real reviews of the bundled package, small models, one full run of the stages."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sentipress.data import sources  # noqa: E402

STAGES = ("1_data_preprocessing.py", "2_lstm_baseline.py", "3_quantization.py", "4_pruning.py", "5_distillation.py", "6_combination.py")

# Small enough for seconds, large enough to learn: 1,500 reviews, 8 units.
SMALL = {
    "2_lstm_baseline.py": ["--vocabulary-size", "3000", "--pairs", "200", "--sequence-length", "120", "--embedding-dim", "8", "--units", "8",  # noqa: E501
                           "--epochs", "2", "--batch-size", "32", "--learning-rate", "0.01", "--latency-reviews", "10", "--no-deployment"],
    "classical.py": ["--only", "classical_pairs", "--latency-reviews", "10"],
    "3_quantization.py": ["--latency-reviews", "10"],
    "4_pruning.py": ["--epochs", "2", "--batch-size", "32", "--learning-rate", "0.005", "--latency-reviews", "10", "--no-deployment"],
    "5_distillation.py": ["--teacher", "modelo_base+classical_pairs", "--techniques", "response,feature,self", "--patience", "1",
                          "--epochs", "2", "--batch-size", "32", "--learning-rate", "0.01", "--latency-reviews", "10", "--no-deployment"],
    "6_combination.py": ["--teacher", "modelo_base+classical_pairs", "--chain", "vocabulary,distil=4x4,int4,pack",
                         "--epochs", "2", "--batch-size", "32", "--learning-rate", "0.01", "--latency-reviews", "10", "--no-deployment"],
}  # fmt: skip


def load_stage(name: str) -> ModuleType:
    """A stage as a module; importing it runs nothing."""
    spec = importlib.util.spec_from_file_location("stage_" + name.split("_", 1)[0], ROOT / name)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_stage(name: str, artifacts: Path, *flags: str) -> None:
    """Run a stage in this process, as its main() would from a terminal."""
    load_stage(name).main(["--artifacts", str(artifacts), *SMALL.get(name, []), *flags])


@pytest.fixture(scope="session")
def bundled() -> pd.DataFrame:
    """All 25,000 bundled IMDB reviews: columns review, label."""
    return sources.read_bundled()


@pytest.fixture(scope="session")
def sample(bundled: pd.DataFrame) -> pd.DataFrame:
    """1,500 of them."""
    return bundled.sample(1500, random_state=0).reset_index(drop=True)


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


@pytest.fixture(scope="session")
def run(sample_csv: Path, unlabelled_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of all six stages and of the classifiers, run in order. Tests must not change them: copy first."""
    artifacts = tmp_path_factory.mktemp("run") / "artifacts"
    run_stage(STAGES[0], artifacts, "--data", str(sample_csv), "--unlabelled", str(unlabelled_csv))
    for name in (STAGES[1], "classical.py", *STAGES[2:]):
        run_stage(name, artifacts)
    return artifacts
