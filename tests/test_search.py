"""The search with Ray Tune: presets, a search that is killed and goes on, defaults from its result, two workers by address."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT, SMALL, load_stage

from sentipress.core import cli, errors, manifest
from sentipress.core.constants import script_constants
from sentipress.evaluation import plots

TINY = ["--epochs", "2", "--batch-size", "64", "--sample", "200", "--no-use-unlabelled", "--teacher", "modelo_base"]


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    return shutil.copytree(run, tmp_path_factory.mktemp("search") / "artifacts")


def search(stage, folder, *flags, **options):
    # Four points of the study's grid: a preset of its own, put in place by the wrapper.
    code = (
        "import sys; sys.path.insert(0, '.'); from sentipress.pipeline import search; import dataclasses as d; "
        "search.PRESETS['5_distillation.py']['study'] = search.Preset({'alpha': (0.1, 0.9), 'temperature': (1.0, 3.0)}, {}); "
        "search.PRESETS['2_lstm_baseline.py']['study'] = search.Preset({'embedding_dim': (4, 8), 'batch_size': (64,)}, {}); "
        "import runpy; from sentipress.core.errors import exit_code; main = runpy.run_path(sys.argv[1])['main']; "
        "raise SystemExit(exit_code(lambda: main(sys.argv[2:])))"
    )
    command = [sys.executable, "-c", code, stage, "--artifacts", str(folder), "--search", "study", *flags]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options)


def finish(process, limit=400):
    out, err = process.communicate(timeout=limit)
    assert process.returncode == 0, out[-2000:] + err[-2000:]
    return out


def test_the_presets_are_the_studys():
    from sentipress.pipeline import search

    presets = search.PRESETS
    assert presets[manifest.DISTILLATION]["study"].points == 49 and presets[manifest.BASELINE]["study"].points == 28
    for stage, known in presets.items():
        constants = script_constants(ROOT / stage)
        for preset in known.values():
            assert preset.points >= 28 and {name.upper() for name in (*preset.grid, *preset.drawn)} <= set(constants)


def test_a_killed_search_goes_on_and_repeats_no_finished_trial(folder, capsys):
    process = search("5_distillation.py", folder, *TINY, start_new_session=True)
    seen = []
    for line in process.stdout:
        seen.append(line)
        if " on validation after " in line:
            break
    assert seen[-1].startswith("1/4: "), seen
    time.sleep(2)  # the state is saved once a second
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (folder / "search_distillation.json").exists()
    out = finish(search("5_distillation.py", folder, *TINY))
    assert "the search goes on where it was stopped" in out
    assert out.count(" on validation after ") <= 3  # of four
    found = json.loads((folder / "search_distillation.json").read_text(encoding="utf-8"))
    points = found["points"]
    assert len({(p["alpha"], p["temperature"]) for p in points}) == 4 and all(1 <= p["epochs"] <= 2 for p in points)
    assert found["best"] == {name: points[0][name] for name in ("alpha", "temperature")}
    assert points[0]["validation_accuracy"] == max(p["validation_accuracy"] for p in points) > 0
    assert found["full_grid_seconds"] >= found["training_seconds"] > 0
    assert (folder / "figures" / "search_distillation.png").read_bytes().startswith(b"\x89PNG")
    again = finish(search("5_distillation.py", folder, *TINY))  # nothing is left to do
    assert " on validation after " not in again and f"--defaults {folder}/search_distillation.json" in again
    # Its result as defaults: as if given as flags, and flags win.
    script = load_stage("5_distillation.py").__file__
    flags = ["--artifacts", str(folder), "--defaults", str(folder / "search_distillation.json")]
    settings = cli.settings(script, flags)
    assert {name: getattr(settings, name) for name in found["best"]} == found["best"]
    assert cli.recorded(settings)["flags"] == found["best"]
    assert cli.settings(script, [*flags, "--alpha", "0.33"]).alpha == 0.33
    with pytest.raises(errors.UserError, match=r"search_distillation\.json is not a search of 2_lstm_baseline\.py"):
        cli.settings(load_stage("2_lstm_baseline.py").__file__, flags)
    (folder / "search_distillation.json").write_text("{", encoding="utf-8")
    with pytest.raises(errors.UserError, match=r"search_distillation\.json is damaged"):
        cli.settings(script, flags)


def test_two_workers_of_a_cluster_are_used_by_address(folder):
    """A head without cores and two workers with one each: trials run on both, and the command is the same."""
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    quiet = {"cwd": ROOT, "check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment = {**os.environ, **token, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    address = "127.0.0.1:6399"
    head = ["start", "--head", "--port", "6399", "--num-cpus", "0", "--include-dashboard", "false"]
    subprocess.run([*ray, *head], env=environment, **quiet)
    try:
        for _ in range(2):
            subprocess.run([*ray, "start", "--address", address, "--num-cpus", "1"], env=environment, **quiet)
        flags = [*SMALL["2_lstm_baseline.py"], "--sample", "200", "--address", address]
        out = finish(search("2_lstm_baseline.py", folder, *flags, env=environment))
    finally:
        subprocess.run([*ray, "stop", "--force"], env=environment, **{**quiet, "check": False})
    found = json.loads((folder / "search_baseline.json").read_text(encoding="utf-8"))
    assert [sorted(p["embedding_dim"] for p in found["points"])] == [[4, 8]] and "2/2: " in out
    assert len({point["node"] for point in found["points"]}) == 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--search", "magic"), "--search magic is unknown -> give one of study, wide"),
        (("--search", "study", "--address", "127.0.0.1:1"), "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_unknown_presets_and_addresses_are_refused(folder, capsys, flags, message):
    main = load_stage("5_distillation.py").main
    assert errors.exit_code(lambda: main(["--artifacts", str(folder), *TINY, *flags])) == 2
    assert message in capsys.readouterr().err


def test_a_heat_map_marks_what_was_stopped(tmp_path, monkeypatch):
    notes = []
    import seaborn

    monkeypatch.setattr(seaborn, "heatmap", lambda values, annot, **_: notes.extend(annot))
    points = [{"a": a, "b": b, "v": 0.5 + a * b, "epochs": 1 + (a > b)} for a in (0.1, 0.2) for b in (0.1, 0.3)]
    plots.heat_map(points, ["a", "b"], "v", 2, tmp_path / "map.png")
    assert notes == [["51.0*", "53.0*"], ["52.0", "56.0*"]]
