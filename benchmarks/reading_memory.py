"""Memory of stage 2, by its number of rows: texts and ids that do not fit lie in files, so that a row more costs little.

Reads    DATA, or the bundled reviews
Writes   OUTPUT; prints a line for each number of rows
Command  python benchmarks/reading_memory.py [--rows 50000,100000,200000] [--output results/scale/reading.json]

The rows are those of benchmarks/preparing_memory.py. Stage 1 makes them ready, and stage 2 trains a small network for one epoch. It is
measured in a process of its own. Two things are told: the most that was resident, and the most that was resident and belongs to no file.
What was read of a file is resident until the system needs the room; only the rest has to fit.
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ROWS = "50000,100000,200000"  # numbers of rows, with commas
DATA = None  # file with the columns review,sentiment whose texts come again and again
TEXT_CHARACTERS = 200  # [0, 1000000] that a text is cut to; 0: whole texts
IDS_MEMORY = 1  # [1, 1000000] MB that the ids of a set of texts may take in memory
SEQUENCE_LENGTH = 60  # [1, 4096] words of a text that the network reads
STAGE_FLAGS = "--units 8 --embedding-dim 8 --epochs 1 --batch-size 256"  # further flags of stage 2
PLACE = None  # folder for the temporary files, which take six times the bytes of the texts; by default the system's
SAMPLE_SECONDS = 0.1  # [0.01, 60.0] between looks at the memory
OUTPUT = None  # JSON of all figures; printed only by default

ONLY_TEXTS = ("sentences", "passages", "turned-passages", "made-sentences", "out-of-domain-texts")  # of stage 1, which makes none of these


def main(arguments: list[str] | None = None) -> None:
    """Measure each number of rows; see the top of the file."""
    import shlex
    import tempfile

    from preparing_memory import NAMES, labelled, measured, write_rows

    from sentipress.core import cli, files, manifest
    from sentipress.data import sources
    from sentipress.evaluation import environment

    settings = cli.settings(__file__, arguments)
    given = sources.read(Path(settings.data) if settings.data else None, "review", "sentiment", None)
    frame = given.frame.sample(frac=1, random_state=0)  # the bundled ones stand by label: few rows would have one
    texts = [text[: settings.text_characters or None] for text in frame["review"]]
    labels = [given.labels[number] for number in frame["label"]]
    flags = ["--ids-memory", str(settings.ids_memory), "--sequence-length", str(settings.sequence_length), "--no-deployment"]
    results: list[dict[str, float]] = []
    for rows in map(int, settings.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=settings.place) as name:
            source, artifacts = Path(name, "reviews.csv"), Path(name, "artifacts")
            write_rows(source, labelled(texts, labels, rows))
            first = ["--data", str(source), *(part for one in ONLY_TEXTS for part in (f"--{one}", "0"))]
            measured(manifest.PREPROCESSING, artifacts, first, settings.sample_seconds)
            found = measured(manifest.BASELINE, artifacts, [*flags, *shlex.split(settings.stage_flags)], settings.sample_seconds)
            one = {"rows": rows, "source_bytes": source.stat().st_size, **found}
        if results:
            more = rows - results[-1]["rows"]
            one |= {f"{name}_a_row_more": (one[name] - results[-1][name]) / more for name in NAMES.values()}
        results.append(one)
        print(
            f"{rows:,} rows, {one['source_bytes'] / 1e6:,.0f} MB: {one['own_bytes'] / 1e6:,.0f} MB of its own at most, "
            f"{one['peak_bytes'] / 1e6:,.0f} MB with what was read of files, {one['seconds']:,.0f} s"
            + (f"; a row more {one['own_bytes_a_row_more']:.0f} and {one['peak_bytes_a_row_more']:.0f} bytes" if len(results) > 1 else ""),
            flush=True,
        )
    if settings.output:
        about = {key: getattr(settings, key) for key in ("text_characters", "ids_memory", "sequence_length", "stage_flags")}
        name = Path(settings.data).name if settings.data else None
        content = {"schema": 1, "data": name, **about, "environment": environment.environment(), "results": results}
        files.write_json(Path(settings.output), content)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
