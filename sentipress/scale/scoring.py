"""Answering files: what predict.py does with --input and --output."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sentipress.core.errors import UserError
from sentipress.scale.threads import VARIABLES

os.environ |= {name: value for name, value in VARIABLES.items() if name not in os.environ}  # before NumPy is imported

from sentipress.data import places, row_reading
from sentipress.data.places import InputFile, OutputFolder
from sentipress.scale import answering, shards, workers
from sentipress.scale.answering import TOO_FEW_KNOWN, Answers, Form, ModelFiles

SCHEMA = 1  # of the plan and the summary
# Names that begin with "_" are no data to tools that read a folder of Parquet files.
PLAN, SUMMARY, PARTS, PROGRESS = "_plan.json", "_summary.json", "_parts.jsonl", "_progress"
EMPTY = (row_reading.NO_TEXT, row_reading.BLANK)
TERMINAL_SECONDS, LOG_SECONDS = 0.5, 60.0  # between lines of progress on a terminal and in a log


@dataclass(frozen=True)
class Job:
    """Answers that are asked for.

    Attributes:
        files: to be read.
        model: that answers.
        cut: how rows become shards.
        form: of the parts.
        output: where they go.
    """

    files: Sequence[InputFile]
    model: ModelFiles
    cut: shards.Cut
    form: Form
    output: OutputFolder

    def plan(self) -> dict[str, Any]:
        """What the answers depend on."""
        settings = {
            "text_column": self.cut.text_column,
            "key_column": self.cut.key_column,
            "shard_rows": self.cut.shard_rows,
            "format": self.form.format,
            "batch": self.form.batch,
        }
        model = {"file": self.model.name, "sha256": self.model.sha256()}
        return {"schema": SCHEMA, "model": model, "settings": settings, "inputs": [file.identity() for file in self.files]}

    def part(self, stem: str) -> str:
        """Name of the part of a shard."""
        return f"{stem}.{self.form.format}"


def score(settings: SimpleNamespace, model: Path, remedy: str) -> None:
    """Answer the rows of files; a run that was killed goes on.

    Args:
        settings: of predict.py; `input` and `rest` name the files.
        model: file of the model.
        remedy: for the message when something is wrong with it.

    Raises:
        UserError: nothing to read, nowhere to write, another run in the folder, or files that could not be read whole.
    """
    if not settings.output or not settings.input:
        raise UserError("--input and --output go together", "python predict.py --input reviews.parquet --output answers")
    if settings.file:
        raise UserError("--file does not go with --input", "leave it out: it is for texts whose answers are printed")
    found, others = places.inputs([settings.input, *settings.rest])
    output = OutputFolder(settings.output)
    if any(output.holds(str(place[1]), place[0]) for place in map(places.resolve, [settings.input, *settings.rest])):
        raise UserError(f"{output.place} lies in the folder that is read", "name an --output outside of it")
    key_type = _key_type(found, settings.key_column)
    cut = shards.Cut(settings.text_column, settings.key_column, settings.shard_rows)
    job = Job(found, ModelFiles.of(model, remedy), cut, Form(settings.format, key_type, settings.input_batch), output)
    if others:
        _say(f"left out: {len(others)} files that do not end in {places.READ} ({', '.join(others[:3])})")
    with output.held():
        _run(job, settings)


def _say(line: str) -> None:
    """Print beside the summary, which alone goes to the standard output."""
    print(line, file=sys.stderr, flush=True)


def _key_type(found: Sequence[InputFile], key_column: str | None) -> Any:
    """Arrow type of the key in the answers: that of the files if it is one for all and plain, else text; None without a key."""
    import pyarrow as pa

    if not key_column:
        return None
    if any(file.form != "parquet" for file in found):
        return pa.string()
    kinds = {row_reading.parquet_key_type(file, key_column) for file in found}
    kind = kinds.pop() if len(kinds) == 1 else pa.string()
    return kind if pa.types.is_primitive(kind) or pa.types.is_large_string(kind) else pa.string()


def _run(job: Job, settings: SimpleNamespace) -> None:
    output, plan = job.output, job.plan()
    done: dict[str, dict[str, Any]]
    damaged: dict[str, str]
    done, damaged = ({}, {}) if settings.fresh and _cleared(output) else _begun(job, plan)
    if done and not damaged and output.read(SUMMARY) and done.keys() == _listed(output).keys():
        output.remove(PROGRESS)
        _say(f"nothing to do: {output.place} has the answers of this model to these files (--fresh makes them anew)")
        print(_shown(json.loads(output.read(SUMMARY) or b"{}")))
        return
    if done:
        _say(f"goes on: {sum(about['rows'] for about in done.values()):,} rows of {len(done):,} parts are answered")
    output.remove(SUMMARY)  # until the end nothing says that all is there
    output.write(PLAN, _json(plan))
    progress, before = _Progress(job.files, done), set(done)
    failures: list[str] = []
    supply = shards.shards(job.files, job.cut, dict(done), failures)
    with contextlib.closing(_answers(job, supply, settings)) as answers, progress:
        for found in answers:
            output.write(job.part(found.shard), found.content)
            output.write(f"{PROGRESS}/{found.shard}.json", _json(found.about))
            done[found.shard] = _kept(found.about)
            progress.add(found)
    _finish(job, plan, done, failures, progress.seconds(), sum(done[stem]["rows"] for stem in done.keys() - before), settings)


def _answers(job: Job, supply: Iterator[shards.Shard], settings: SimpleNamespace) -> Generator[Answers, None, None]:
    return workers.answers(supply, job.model, functools.partial(answering.answer, form=job.form), settings)


# What is in the folder


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _kept(about: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept in memory of a part."""
    return {name: about[name] for name in ("rows", "first_row", "end", "share", "last", "unanswered", "bytes", "sha256", "seconds")}


def _cleared(output: OutputFolder) -> bool:
    """Delete what an earlier run has written, and nothing else; False if there was none."""
    if output.read(PLAN) is None:
        return False
    output.remove(SUMMARY, PARTS, PROGRESS, *(name for name in output.sizes() if name.startswith("part-")), PLAN)
    return True


def _begun(job: Job, plan: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Parts that are there, by stem, and the files that could not be read whole, by name.

    Raises:
        UserError: the folder has other files, or answers of another model, to other files or by other settings.
    """
    output = job.output
    content = output.read(PLAN)
    if content is None:
        if output.sizes():
            raise UserError(f"{output.place} has files that this command did not write", "name another --output")
        return {}, {}
    remedy = "name another --output, or add --fresh to replace them"
    try:
        earlier = json.loads(content)
        damaged = json.loads(output.read(SUMMARY) or b"{}").get("damaged", {})
        parts = _listed(output)
        for name in output.sizes(PROGRESS):
            parts[name.removesuffix(".json")] = _kept(json.loads(output.read(f"{PROGRESS}/{name}") or b""))
        renewed = _compared(earlier, plan, damaged)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{output.place} is damaged ({error!r})", "add --fresh to make it anew") from None
    if isinstance(renewed, str):
        raise UserError(f"{output.place} has answers {renewed}", remedy)
    sizes = output.sizes()
    stale = [stem for stem in parts if int(stem.split("-")[1]) in renewed]
    output.remove(*(f"{PROGRESS}/{stem}.json" for stem in stale), *(job.part(stem) for stem in stale))
    whole = {stem: about for stem, about in parts.items() if stem not in stale and sizes.get(job.part(stem)) == about["bytes"]}
    return whole, damaged


def _listed(output: OutputFolder) -> dict[str, dict[str, Any]]:
    """Parts of the list that a finished run writes, by stem."""
    lines = (json.loads(line) for line in (output.read(PARTS) or b"").decode("utf-8").splitlines())
    return {line["part"].partition(".")[0]: _kept(line) for line in lines}


def _compared(earlier: Mapping[str, Any], plan: Mapping[str, Any], damaged: Mapping[str, str]) -> str | set[int]:
    """How an earlier plan differs; else the numbers of files that were damaged and have been mended since."""
    if earlier["schema"] != SCHEMA:
        return f"of schema {earlier['schema']}, not {SCHEMA}"
    if earlier["model"]["sha256"] != plan["model"]["sha256"]:
        return f"of another model ({earlier['model']['file']})"
    for name, value in plan["settings"].items():
        if earlier["settings"].get(name) != value:
            return f"by another --{name.replace('_', '-')} ({earlier['settings'].get(name)}, not {value})"
    names, now = ([one["file"] for one in content["inputs"]] for content in (earlier, plan))
    if names != now:
        other = next(iter(sorted(set(names) ^ set(now))), now[0])
        return f"to other files ({other} {'is new' if other not in names else 'is gone' if other not in now else 'stood elsewhere'})"
    changed = {index for index, one in enumerate(plan["inputs"]) if one != earlier["inputs"][index]}
    for index in sorted(changed):
        if names[index] not in damaged:
            return f"to {names[index]} as it was before it changed"
    return changed


# The end


def _finish(
    job: Job,
    plan: Mapping[str, Any],
    done: Mapping[str, Mapping[str, Any]],
    failures: Sequence[str],
    seconds: float,
    rows: int,
    settings: SimpleNamespace,
) -> None:
    """Write the list of parts and the summary, and print it."""
    output, order = job.output, sorted(done)
    unanswered: Counter[str] = Counter()
    by_file = [0] * len(job.files)
    for stem in order:
        unanswered.update(done[stem]["unanswered"])
        by_file[int(stem.split("-")[1])] += done[stem]["rows"]
    total = sum(by_file)
    empty, unknown = sum(unanswered[reason] for reason in EMPTY), unanswered[TOO_FEW_KNOWN]
    summary = {
        "schema": SCHEMA,
        "rows": total,
        "answered": total - unanswered.total(),
        "empty": empty,
        "broken": unanswered.total() - empty - unknown,
        "cannot_judge": unknown,
        "reasons": dict(sorted(unanswered.items())),
        "parts": len(order),
        "seconds": seconds,
        "rows_this_run": rows,
        "rows_a_second": rows / seconds,
        "worker_seconds": sum(done[stem]["seconds"] for stem in order),
        "workers": settings.workers,
        "address": settings.address,
        "model": plan["model"],
        "settings": plan["settings"],
        "damaged": {file.name: line for file in job.files for line in failures if line.startswith(file.name)},
        "inputs": [{**one, "rows": count} for one, count in zip(plan["inputs"], by_file, strict=True)],
    }
    output.write(PARTS, "".join(json.dumps({"part": job.part(stem), **done[stem]}) + "\n" for stem in order).encode("utf-8"))
    output.write(SUMMARY, _json(summary))
    output.remove(PROGRESS)
    print(_shown(summary))
    if failures:
        raise UserError(
            f"{len(failures)} of {len(job.files)} files could not be read whole: {failures[0]}",
            f"mend what {output.place}/{SUMMARY} lists and run the same command again",
        )


def _shown(summary: Mapping[str, Any]) -> str:
    """The summary without the list of files, which may have thousands of lines."""
    return json.dumps({name: value for name, value in summary.items() if name != "inputs"}, indent=1, ensure_ascii=False)


class _Progress:
    """Rows, rows a second and time left on stderr: on a terminal one line that changes, in a log a line a minute."""

    def __init__(self, found: Sequence[InputFile], done: Mapping[str, Mapping[str, Any]]) -> None:
        self._before, whole = [0.0], 0
        for file in found:
            whole += file.size
            self._before.append(float(whole))
        self._sizes, self._whole = [file.size for file in found], max(1, whole)
        self._started = self._shown = time.monotonic()
        self._rows = self._new = sum(about["rows"] for about in done.values())
        self._first = self._rows
        self._terminal = sys.stderr.isatty()
        self._bytes = self._read = self._total(done)

    def _total(self, done: Mapping[str, Mapping[str, Any]]) -> float:
        """Bytes of the input whose rows are answered: what the parts of each file have reached."""
        furthest: dict[int, float] = {}
        for stem, about in done.items():
            file = int(stem.split("-")[1])
            furthest[file] = max(furthest.get(file, 0.0), 1.0 if about["last"] else about["share"])
        return sum(share * self._sizes[file] for file, share in furthest.items())

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            _say("")

    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    def add(self, found: Answers) -> None:
        """Count a part and show how things stand, now and then."""
        from tqdm import tqdm

        self._rows += found.about["rows"]
        file = int(found.shard.split("-")[1])
        self._read = max(self._read, self._before[file] + self._sizes[file] * found.about["share"])
        now = time.monotonic()
        if now - self._shown < (TERMINAL_SECONDS if self._terminal else LOG_SECONDS):
            return
        self._shown = now
        new, passed = self._rows - self._first, now - self._started
        rate, left = new / passed, passed * (self._whole - self._read) / max(1.0, self._read - self._bytes)
        line = f"{self._rows:,} rows, {self._read / self._whole:.1%} of the input, {rate:,.0f} rows a second, "
        line += f"{tqdm.format_interval(max(0.0, left))} left"
        if self._terminal:
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)
        else:
            _say(line)
