"""Memory and time of stage 1, by its number of rows: what a row more costs must stay the same.

Reads    DATA, or the bundled reviews
Writes   OUTPUT; prints a line for each number of rows
Command  python benchmarks/preparing_memory.py [--rows 100000,300000,3600000] [--output results/scale/preparing.json]

The rows are reviews, again and again, each with a word of its own, so that no two are equal and the words grow with the rows. They are
written to a temporary file, and stage 1 reads it in a process of its own. What is measured is the most that was resident of that process.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ROWS = "100000,300000,1000000"  # numbers of rows, with commas; Amazon's polarity reviews are 3,600,000 for training
DATA = None  # file with the columns review,sentiment whose texts come again and again
TEXT_CHARACTERS = 440  # [0, 1000000] that a text is cut to: as Amazon's reviews have on average; 0: whole texts
FORM = "csv"  # {csv, txt, parquet} file that stage 1 reads; txt is the form of fastText
STAGE_FLAGS = ""  # further flags of stage 1, such as "--sentences 0 --passages 0" for little time
PLACE = None  # folder for the temporary files, which take four times the bytes of the texts; by default the system's
SAMPLE_SECONDS = 0.5  # [0.01, 60.0] between looks at the memory
OUTPUT = None  # JSON of all figures; printed only by default

NAMES = {"VmHWM": "peak_bytes", "RssAnon": "own_bytes"}  # of Linux, and of the figures


def labelled(texts: list[str], labels: list[str], rows: int) -> Iterator[tuple[str, str]]:
    """So many rows: text and label."""
    for number in range(rows):
        yield f"{texts[number % len(texts)]} x{number}", labels[number % len(texts)]


def write_rows(path: Path, rows: Iterator[tuple[str, str]]) -> None:
    """Write a file of the form that its ending says."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        from sentipress.data.lines import pieces

        schema = pa.schema({"review": pa.string(), "sentiment": pa.string()})
        with pq.ParquetWriter(path, schema) as writer:
            for piece in pieces(rows, 10_000):
                writer.write_table(pa.table([list(column) for column in zip(*piece, strict=True)], schema))
        return
    import csv

    with open(path, "w", encoding="utf-8", newline="") as stream:
        if path.suffix == ".txt":
            stream.writelines(f"__label__{label} {' '.join(text.split())}\n" for text, label in rows)
        else:
            csv.writer(stream).writerow(("review", "sentiment"))
            csv.writer(stream).writerows(rows)


def memory(process: int) -> dict[str, int]:
    """Bytes of a running process: `peak_bytes`, the most that was resident so far, and `own_bytes`, those of no file; {} once it ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found = (line.split() for line in lines)
    return {NAMES[name[:-1]]: 1024 * int(rest[0]) for name, *rest in found if name[:-1] in NAMES}


def measured(script: str, artifacts: Path, flags: list[str], seconds: float) -> dict[str, float]:
    """Run a stage on a folder, looking so often; gives its seconds and the most of what `memory` gives."""
    import os
    import subprocess
    import time

    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, str(root / script), "--artifacts", str(artifacts), *flags]
    started, most = time.monotonic(), dict.fromkeys(NAMES.values(), 0)
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(root)})
    while running.poll() is None:
        now = memory(running.pid)
        most = {name: max(value, now.get(name, 0)) for name, value in most.items()}
        time.sleep(seconds)
    if running.returncode:
        raise RuntimeError(f"{script} has ended with {running.returncode}")
    return {"seconds": time.monotonic() - started, **most}


def main(arguments: list[str] | None = None) -> None:
    """Measure each number of rows; see the top of the file."""
    import json
    import shlex
    import tempfile

    from sentipress.core import cli, files, manifest
    from sentipress.data import sources
    from sentipress.evaluation import environment

    settings = cli.settings(__file__, arguments)
    given = sources.read(Path(settings.data) if settings.data else None, "review", "sentiment", None)
    texts = [text[: settings.text_characters or None] for text in given.frame["review"]]
    labels = [given.labels[number] for number in given.frame["label"]]
    results: list[dict[str, float]] = []
    for rows in map(int, settings.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=settings.place) as name:
            source = Path(name, f"reviews.{settings.form}")
            write_rows(source, labelled(texts, labels, rows))
            flags = ["--data", str(source), *shlex.split(settings.stage_flags)]
            found = measured(manifest.PREPROCESSING, Path(name, "artifacts"), flags, settings.sample_seconds)
            about = json.loads(Path(name, "artifacts", "reviews.json").read_text(encoding="utf-8"))
            one = {"rows": rows, "kept": about["counts"]["kept"], "source_bytes": source.stat().st_size, **found}
        if results:
            more = rows - results[-1]["rows"]
            one["microseconds_a_row_more"] = 1e6 * (one["seconds"] - results[-1]["seconds"]) / more
            one["bytes_a_row_more"] = (one["peak_bytes"] - results[-1]["peak_bytes"]) / more
        results.append(one)
        print(
            f"{rows:,} rows, {one['source_bytes'] / 1e6:,.0f} MB: {one['peak_bytes'] / 1e6:,.0f} MB at most, {one['seconds']:,.0f} s"
            + (f"; a row more {one['bytes_a_row_more']:.0f} bytes, {one['microseconds_a_row_more']:.0f} µs" if len(results) > 1 else ""),
            flush=True,
        )
    if settings.output:
        about = {key: getattr(settings, key) for key in ("data", "text_characters", "form", "stage_flags")}
        name = Path(settings.data).name if settings.data else None
        content = {"schema": 1, **about, "data": name, "environment": environment.environment(), "results": results}
        files.write_json(Path(settings.output), content)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
