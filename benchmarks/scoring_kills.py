"""Kills of an answering run at random moments: no row may be lost, doubled or changed, and at most a part a worker done again.

Reads    the bundled reviews; MODEL
Writes   OUTPUT; prints a line for each kill
Command  python benchmarks/scoring_kills.py [--kills 50] [--nodes 2] [--output results/scale/kills.json]

A kill (SIGKILL) strikes the driver, or, with several workers, one that is at work. After the driver's death the same command goes
on. When a run has ended, all its parts are compared, byte by byte, with those of an unharmed run of one worker. With --nodes
a Ray cluster of that many nodes is started on this machine, and one node is killed in the middle of a run.
"""

import sys
from pathlib import Path
from typing import Any

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODEL = "results/make/pocket.zip"  # the one that answers
ROWS = 3000  # [10, 25000] bundled reviews
SHARD_ROWS = 100  # [1, 1000000] rows of a part
KILLS = 50  # [0, 100000] in all
WORKERS = "1,2"  # numbers of workers, with commas: one is drawn for each kill
NODES = 0  # [0, 8] of a cluster, one of which is killed; 0: no cluster
SEED = 1  # [0, 2147483647] of the draws
OUTPUT = None  # JSON of all figures; printed only by default


def root() -> Path:
    """Folder of the project."""
    return Path(__file__).resolve().parent.parent


def started(source: Path, folder: Path, settings: Any, *flags: str) -> Any:
    """Start predict.py in a session of its own."""
    import os
    import subprocess

    command = [sys.executable, str(root() / "predict.py"), "--input", str(source), "--output", str(folder), "--model", settings.model]
    command += ["--shard-rows", str(settings.shard_rows), "--key-column", "id", *flags]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": {**os.environ, "PYTHONPATH": str(root())}}
    return subprocess.Popen(command, start_new_session=True, **quiet)  # type: ignore[call-overload]


def at_work(session: int | None) -> list[int]:
    """Ray's processes that answer a shard now, of a session or of any."""
    import os

    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                working = (path / "cmdline").read_bytes().startswith(b"ray::_answer")
                if working and session in (None, os.getsid(int(path.name))):
                    found.append(int(path.name))
            except OSError:  # it has ended
                continue
    return found


def parts(folder: Path) -> dict[str, bytes]:
    """Bytes of each part by its name."""
    return {path.name: path.read_bytes() for path in folder.glob("part-*")}


def there(folder: Path) -> set[str]:
    """Parts that are written down as answered."""
    return {path.stem for path in (folder / "_progress").glob("part-*.json")}


def ended(process: Any) -> None:
    """Wait for a run that must end well."""
    _, errors = process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(f"predict.py has ended with {process.returncode}: {errors.decode()[-500:]}")


def kill_one(source: Path, folder: Path, settings: Any, workers: int, random: Any, seconds: float) -> dict[str, Any]:
    """Kill a run of `workers`, let it end, and tell what was struck and how many parts were done again."""
    import json
    import os
    import signal
    import time

    flags = ("--workers", str(workers))
    process = started(source, folder, settings, *flags)
    victim = "worker" if workers > 1 and random.random() < 0.5 else "driver"
    begin = time.monotonic()
    while not there(folder) and process.poll() is None and time.monotonic() - begin < 300:
        time.sleep(0.02)
    time.sleep(random.uniform(0, seconds))
    if victim == "worker":
        pids: list[int] = []
        while process.poll() is None and not pids:
            pids = at_work(process.pid)
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)
        ended(process)
        return {"victim": victim, "workers": workers, "struck": bool(pids)}
    process.send_signal(signal.SIGKILL)
    process.communicate()
    struck = not (folder / "_summary.json").exists()
    part_files = {name.partition(".")[0] for name in parts(folder)}
    before = there(folder) if struck else part_files
    ended(started(source, folder, settings, *flags))
    summary = json.loads((folder / "_summary.json").read_text(encoding="utf-8"))
    again = len(part_files - before)  # its file was there, and it was not yet written down: it was just being saved
    counted = not struck or summary["rows_this_run"] == settings.rows - settings.shard_rows * len(before)
    return {"victim": victim, "workers": workers, "struck": struck, "parts_before": len(before), "again": again, "counted": counted}


def kill_node(source: Path, folder: Path, settings: Any) -> dict[str, Any]:
    """Answer on a cluster of `NODES` nodes of one core each, and kill one node in the middle."""
    import time

    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        nodes = [cluster.add_node(num_cpus=1) for _ in range(settings.nodes)]
        process = started(source, folder, settings, "--address", cluster.address)
        while len(there(folder)) < settings.rows // settings.shard_rows // 4 and process.poll() is None:
            time.sleep(0.05)
        before = len(there(folder))
        cluster.remove_node(nodes[-1], allow_graceful=False)
        ended(process)
    finally:
        cluster.shutdown()
    return {"nodes": settings.nodes, "parts_when_killed": before}


def main(arguments: list[str] | None = None) -> None:
    """Kill and compare; see the top of the file."""
    import tempfile

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sentipress.core import cli, files
    from sentipress.data import sources
    from sentipress.evaluation import environment

    settings = cli.settings(__file__, arguments)
    random = np.random.default_rng(settings.seed)
    texts = sources.read_bundled()["review"].tolist()[: settings.rows]
    choices = [int(number) for number in settings.workers.split(",")]
    kills: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        source, whole = Path(name, "reviews.parquet"), Path(name, "whole")
        pq.write_table(pa.table({"id": np.arange(len(texts)), "review": texts}), source)
        ended(started(source, whole, settings))
        expected = parts(whole)
        times = sorted(path.stat().st_mtime for path in whole.glob("part-*"))
        for number in range(settings.kills):
            folder = Path(name, f"kill-{number}")
            one = kill_one(source, folder, settings, int(random.choice(choices)), random, 0.7 * (times[-1] - times[0]))
            one["same_bytes"] = parts(folder) == expected
            kills.append(one)
            print(f"{number + 1}/{settings.kills}: {one}", flush=True)
        node: dict[str, Any] = {}
        if settings.nodes:
            node = kill_node(source, Path(name, "cluster"), settings)
            node["same_bytes"] = parts(Path(name, "cluster")) == expected
            print(f"a node of {settings.nodes} killed: {node}")
    struck = sum(one["struck"] for one in kills)
    same = sum(one["same_bytes"] for one in kills)
    again = max((one.get("again", 0) for one in kills), default=0)
    print(
        print(f"{len(kills)} kills, {struck} before the end; {same} runs with the bytes of an unharmed one; parts again: {again} at most")
    )
    if settings.output:
        about = {"schema": 1, "rows": len(texts), "shard_rows": settings.shard_rows, "model": settings.model}
        content = {**about, "environment": environment.environment(), "kills": kills, "struck": struck, "same_bytes": same, "node": node}
        files.write_json(Path(settings.output), content)
    if same < len(kills) or not all(one.get("counted", True) for one in kills) or not node.get("same_bytes", True):
        raise RuntimeError("a run has other bytes than an unharmed one, or has answered what was answered")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
