"""Memory of answering an archive, by its number of rows: it must not grow with them.

Reads    the bundled reviews; MODEL
Writes   OUTPUT; prints a line for each number of rows
Command  python benchmarks/scoring_memory.py [--rows 250000,500000,1000000] [--output results/scale/memory.json]

The rows are bundled reviews, again and again, each with a number of its own, in a CSV that zstd packs while it is written. Resident
memory of predict.py and of its workers is sampled, and so is that of Ray's own processes.
"""

import sys
from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODEL = "results/make/pocket.zip"  # the one that answers
ROWS = "250000,500000,1000000"  # numbers of rows, with commas; Ray's store is full after the first ten parts or so
WORKERS = 2  # [1, 64] of predict.py
TEXTS = 2000  # [1, 25000] different reviews: few enough that zstd sees them come again
TEXT_CHARACTERS = 0  # [0, 1000000] that a text is cut to, to be quicker; 0: whole reviews
SAMPLE_SECONDS = 0.5  # [0.01, 60.0] between looks at the memory
OUTPUT = None  # JSON of all figures; printed only by default


def root() -> Path:
    """Folder of the project."""
    return Path(__file__).resolve().parent.parent


def resident(session: int) -> dict[str, int]:
    """Resident bytes of the processes of a session: of predict.py, of all its workers, and of Ray itself.

    Memory that they share (Ray's store of waiting parts) is `shared`, counted once: the most that one of them has seen of it.
    """
    import os

    found = {"driver": 0, "workers": 0, "ray": 0, "shared": 0}
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                if os.getsid(int(path.name)) != session:
                    continue
                words = (path / "cmdline").read_bytes()
                lines = (path / "status").read_text(encoding="utf-8").splitlines()
            except OSError:  # it has ended
                continue
            sizes = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if line.startswith("Rss")}
            is_worker = words.startswith((b"ray::_answer", b"ray::IDLE"))
            kind = "driver" if b"predict.py" in words else "workers" if is_worker else "ray"
            found[kind] += sizes.get("RssAnon", 0) + sizes.get("RssFile", 0)
            found["shared"] = max(found["shared"], sizes.get("RssShmem", 0))
    return found


def ours(sample: dict[str, int]) -> int:
    """Bytes of predict.py, its workers and what they share."""
    return sample["driver"] + sample["workers"] + sample["shared"]


def write_rows(path: Path, texts: list[str], rows: int) -> None:
    """Write a packed CSV with a number of rows."""
    import csv
    import io

    import pyarrow as pa

    with pa.CompressedOutputStream(str(path), "zstd") as packed, io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "review"))
        writer.writerows((number, f"{texts[number % len(texts)]} {number}") for number in range(rows))


def main(arguments: list[str] | None = None) -> None:
    """Measure each number of rows; see the top of the file."""
    import json
    import os
    import subprocess
    import tempfile
    import time

    import numpy as np

    from sentipress.core import cli, files
    from sentipress.data import sources
    from sentipress.evaluation import environment

    settings = cli.settings(__file__, arguments)
    texts = [text[: settings.text_characters or None] for text in sources.read_bundled()["review"][: settings.texts]]
    results = []
    for rows in map(int, settings.rows.split(",")):
        with tempfile.TemporaryDirectory() as name:
            source = Path(name, "reviews.csv.zst")
            write_rows(source, texts, rows)
            command = [sys.executable, str(root() / "predict.py"), "--input", str(source), "--output", f"{name}/out", "--key-column", "id"]
            command += ["--model", settings.model, "--workers", str(settings.workers)]
            started = time.monotonic()
            running = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(root())}, start_new_session=True
            )
            samples = []
            while running.poll() is None:
                samples.append(resident(running.pid))
                time.sleep(settings.sample_seconds)
            if running.returncode:
                raise RuntimeError(f"predict.py has ended with {running.returncode}")
            summary = json.loads(Path(name, "out", "_summary.json").read_text(encoding="utf-8"))
            half = samples[len(samples) // 2 :]
            one = {
                "rows": summary["rows"],
                "seconds": time.monotonic() - started,
                "peak_driver_bytes": max(sample["driver"] for sample in samples),
                "peak_workers_bytes": max(sample["workers"] for sample in samples),
                "peak_bytes": max(map(ours, samples)),
                "peak_shared_bytes": max(sample["shared"] for sample in samples),
                "peak_ray_bytes": max(sample["ray"] for sample in samples),
                "peak_first_half_bytes": max(map(ours, samples[: len(samples) // 2] or samples)),
                "peak_second_half_bytes": max(map(ours, half)),
            }
        results.append(one)
        print(
            f"{one['rows']:,} rows: driver and workers {one['peak_bytes'] / 1e6:,.0f} MB at most "
            f"(driver {one['peak_driver_bytes'] / 1e6:,.0f}, workers {one['peak_workers_bytes'] / 1e6:,.0f}, "
            f"shared {one['peak_shared_bytes'] / 1e6:,.0f}; first half "
            f"{one['peak_first_half_bytes'] / 1e6:,.0f}, second half {one['peak_second_half_bytes'] / 1e6:,.0f}), "
            f"Ray's own processes {one['peak_ray_bytes'] / 1e6:,.0f} MB, {one['seconds']:.0f} s",
            flush=True,
        )
    line = {}
    if len(results) > 1:
        slope, start = np.polyfit([one["rows"] for one in results], [one["peak_bytes"] for one in results], 1)
        line = {"bytes_a_row": float(slope), "at_ten_million_rows": float(start + 1e7 * slope)}
        print(f"a straight line through them: {slope:.1f} bytes a row, {line['at_ten_million_rows'] / 1e6:,.0f} MB at 10,000,000 rows")
    if settings.output:
        about = {"schema": 1, "model": settings.model, "workers": settings.workers, "text_characters": settings.text_characters}
        files.write_json(Path(settings.output), {**about, "environment": environment.environment(), "results": results, "line": line})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
