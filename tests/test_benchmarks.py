"""Benchmarks that train: a small run of each, as from a terminal."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, STAGES, load_stage, run_stage
from sklearn.feature_extraction.text import HashingVectorizer


@pytest.fixture(scope="module")
def cleaned(sample_csv, tmp_path_factory):
    """The folder that stage 1 makes of the sample."""
    folder = tmp_path_factory.mktemp("cleaned")
    run_stage(STAGES[0], folder, "--data", str(sample_csv))
    return folder


def results(script, folder, output, *flags):
    """What a benchmark writes."""
    command = [sys.executable, str(ROOT / "benchmarks" / script), "--artifacts", str(folder), "--output", str(output), *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(command, cwd=output.parent, env=environment, capture_output=True, text=True, timeout=300)
    assert shown.returncode == 0, shown.stderr
    return json.loads(output.read_text(encoding="utf-8"))


def test_fasttext_is_trained_pruned_and_chosen_and_the_same_again(cleaned, tmp_path):
    pytest.importorskip("fasttext", reason="needs pip install -r benchmarks/requirements-fasttext.txt")
    flags = ["--dimensions", "2", "--epochs", "20,20", "--learning-rates", "0.5", "--word-ngrams", "2", "--buckets", "5000"]
    flags += ["--trial-cutoff", "600", "--cutoffs", "300", "--sizes", "1,8", "--latency-texts", "10", "--rounds", "1", "--score-test"]
    found = results("fasttext_models.py", cleaned, tmp_path / "fasttext.json", *flags)
    assert found["whole"][0] == found["whole"][1] and found["trials"][0] == found["trials"][1]
    small, whole = found["chosen"]  # no file has 1 KB
    assert small == {**found["quantized"][0], **small} and small["zipped_bytes"] <= 8 * 1024 and whole["within_kb"] is None
    for one in found["chosen"]:
        assert min(one["validation_accuracy"], one["test_accuracy"]) > 0.6 and one["test_texts"] == 300 and one["ms_per_text"] > 0


def test_hashed_bags_are_measured_beside_the_packed_ones(cleaned, tmp_path):
    flags = ["--bucket-bits", "12", "--pruned-bits", "14", "--kept", "500", "--terms", "600,3000", "--bits", "8", "--c-values", "0.1"]
    found = results("hashing.py", cleaned, tmp_path / "hashing.json", *flags, "--signed-c-values", "0.1")
    kinds = ["packed", "plain", "signed", "frequent", "pruned"]
    assert [one["kind"] for one in found["results"]] == [kind for kind in kinds for _ in range(2 if kind == "packed" else 1)]
    assert all(one["validation_accuracy"] > 0.65 for one in found["results"])
    for size in found["comparison"]:
        assert size["best"][0]["kind"] == "packed" and all(one["bytes"] <= size["bytes"] for one in size["best"])
    assert [one["kind"] for one in found["comparison"][1]["best"]] == kinds


@pytest.mark.parametrize("signed", [False, True])
def test_folding_gives_what_the_vectorizer_gives_for_fewer_buckets(sample, signed):
    def hashed(bits):
        return HashingVectorizer(n_features=1 << bits, norm=None, alternate_sign=signed).transform(sample["review"][:50])

    expected = hashed(8).toarray()
    expected = expected if signed else expected > 0
    np.testing.assert_array_equal(load_stage("benchmarks/hashing.py").folded(hashed(16), 8, signed).toarray(), expected)


def test_gaps_lead_back_to_the_numbers():
    kept = np.array([0, 1, 256, 512, 1023, 5000])
    numbers, at = [], -1
    for byte in load_stage("benchmarks/hashing.py").gaps(kept):
        at += byte + (byte < 255)
        numbers += [at] if byte < 255 else []
    assert numbers == kept.tolist()


def test_an_archive_is_read_by_every_model_in_turns(sample_csv, tmp_path):
    models = [ROOT / "results" / "packed" / f"packed_{terms}.zip" for terms in (41600, 11900)]
    output, flags = tmp_path / "archive.json", ["--count", "60", "--rounds", "1", "--chunk", "25"]
    command = [sys.executable, str(ROOT / "benchmarks" / "archive.py"), "--models", ",".join(map(str, models)), *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run([*command, "--texts", str(sample_csv), "--output", str(output)], env=environment, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    found = json.loads(output.read_text(encoding="utf-8"))
    assert [one["model"] for one in found["results"]] == [path.name for path in models]
    for one in found["results"]:
        assert one["texts"] == 60 and one["accuracy"] > 0.75 and len(one["seconds"]) == 1
        assert one["seconds_for_all"] == pytest.approx(min(one["seconds"]) * found["all_texts"] / 60)
    assert found["results"][0]["ratio_to_first"] == [1, 1]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert shown.returncode == 2 and "give --texts FILE" in shown.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_of_stage_2_is_measured_by_its_rows(tmp_path):
    output, flags = tmp_path / "reading.json", ["--rows", "200,300", "--stage-flags", "--units 2 --embedding-dim 4 --epochs 1"]
    command = [sys.executable, str(ROOT / "benchmarks" / "reading_memory.py"), *flags, "--output", str(output)]
    shown = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=600)
    assert shown.returncode == 0, shown.stderr
    first, second = json.loads(output.read_text(encoding="utf-8"))["results"]
    for one in (first, second):
        assert 1e8 < one["own_bytes"] < one["peak_bytes"] and one["seconds"] > 1  # TensorFlow alone has more
    assert second["rows"] == 300 and second["own_bytes_a_row_more"] == pytest.approx((second["own_bytes"] - first["own_bytes"]) / 100)
