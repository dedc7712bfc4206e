"""Scorings of the test sets before there was a ledger, from the metrics files that git remembers.

Reads    the git history of results/
Writes   OUTPUT: a line for each model file whose metrics were ever committed, oldest first, before the lines that it has.
         Scorings that were never committed cannot be known
Command  python benchmarks/ledger_history.py
"""

import io
import json
import subprocess
from pathlib import Path, PurePosixPath

from sentipress.core.errors import exit_code

OUTPUT = "results/ledger.csv"  # the project's ledger
FOLDER = "results"  # in the repository


def git(*words: str) -> bytes:
    """What a git command of this repository prints."""
    return subprocess.run(["git", *words], cwd=Path(__file__).resolve().parent.parent, capture_output=True, check=True).stdout


def blob(commit: str, path: PurePosixPath) -> bytes | None:
    """A file of a commit; None where it is not there."""
    try:
        return git("show", f"{commit}:{path}")
    except subprocess.CalledProcessError:
        return None


def test_set(commit: str, path: PurePosixPath, record: dict) -> str:
    """Name of the test set that a committed metrics file speaks of, by the probabilities beside it, else by their number."""
    import numpy as np

    from sentipress.evaluation import ledger

    content = blob(commit, path.with_name(f"{record['name']}.probabilities.npz"))
    if content is None:
        return f"unknown-{record['scores']['accuracy']['n']}"
    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        return ledger.test_set(saved["test_row"], saved["test_label"])


def main(arguments: list[str] | None = None) -> None:
    """Walk through the history; see the top of the file."""
    from sentipress.core import cli
    from sentipress.evaluation import ledger

    settings = cli.settings(__file__, arguments)
    log = git("log", "--reverse", "--diff-filter=AM", "--name-only", "--format=%x00%h %cs", "--", FOLDER).decode()
    lines: list[ledger.Line] = []
    for entry in log.split("\x00")[1:]:
        head, *names = entry.split("\n")
        commit, date = head.split()
        for path in map(PurePosixPath, filter(lambda name: name.endswith(".metrics.json"), names)):
            record = json.loads(blob(commit, path) or b"{}")
            if record.get("file") in record.get("outputs", {}):
                accuracy = record["scores"]["accuracy"]
                lines.append(
                    {
                        "date": date,
                        "commit": commit,
                        "row": record["name"],
                        "task": f"{path.parent.relative_to(FOLDER)} of {FOLDER}",
                        "test_set": test_set(commit, path, record),
                        "texts": str(accuracy["n"]),
                        "accuracy": f"{accuracy['value']:.6f}",
                        "model_sha256": record["outputs"][record["file"]],
                    }
                )
    output = Path(settings.output)
    own = ledger.read(output)
    output.unlink(missing_ok=True)
    ledger.append(output, [*lines, *own])
    print(f"{len(lines)} scorings in the history of {FOLDER}; {output} has {len(ledger.read(output))} different ones")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
