"""Faults on purpose: stages killed at any moment, a disk that fills up, garbled CSVs, any text, a mass of rows.

The tests and `benchmarks/faults.py` share this room, so that the figures which the command prints are of what the
tests check. Needs a system that can fork (not Windows).
"""

from __future__ import annotations

import csv
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files, manifest
from sentipress.data import cleaning, corpus, sources
from sentipress.core.errors import UserError, exit_code
from sentipress.core.quiet import quiet
from sentipress.text.tokenizer import PADDING_ID, Tokenizer

SCRIPTS = Path(__file__).resolve().parent.parent
# What the stages import, TensorFlow first; loaded once, by the process that all others are forked from.
PRELOADED = (
    "tensorflow",
    "tf_keras",
    "tensorflow_model_optimization.sparsity.keras",
    "ai_edge_litert.compiled_model",
    "ai_edge_litert.interpreter",
    "ai_edge_litert.schema_py_generated",
    "sklearn.feature_extraction.text",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.utils.extmath",
    "statsmodels.stats.proportion",
    "matplotlib.pyplot",
    "seaborn",
    "wordcloud",
)
# As sentipress.backend sets it, before the first import; and one thread each: for tiny models others would only wait.
SERVER_ENVIRONMENT = {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"} | dict.fromkeys(
    ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1"
)
# Models of a few hundred weights: a stage takes seconds and still writes every file that it writes of large ones.
REVIEWS = 300
_QUICK = ("--latency-reviews", "10", "--no-deployment")
_SHORT = ("--epochs", "2", "--batch-size", "32", *_QUICK)
TINY: dict[str, tuple[str, ...]] = {
    manifest.BASELINE: (
        *("--vocabulary-size", "400", "--pairs", "20", "--sequence-length", "30"),
        *("--embedding-dim", "4", "--units", "4", "--no-bidirectional", *_SHORT),
    ),
    manifest.QUANTIZATION: _QUICK,
    manifest.PRUNING: _SHORT,
    manifest.DISTILLATION: _SHORT,
    manifest.COMBINATION: ("--chain", "vocabulary=150,distil=2x2,int4,pack", *_SHORT),
}
CHAIN = 5  # kills of one stage in a row before it may end: a run that goes on is killed as well


# Stages in processes of their own


@dataclass(frozen=True)
class Outcome:
    """How a stage's process ended.

    Attributes:
        code: exit code, or minus the signal that ended it.
        seconds: from the start of the process to its end.
        output: what it printed.
        moments: how often it opened, moved or removed a file of its folder; 0 when it was killed.
    """

    code: int
    seconds: float
    output: str
    moments: int


class Stages:
    """Runs stages on one folder, each in a process forked from one that has imported TensorFlow and run nothing.

    A fresh interpreter would spend eight seconds on imports each time; a fork is the same process as after them.

    Attributes:
        folder: the artifacts folder of all runs: paths stand in messages and in the table.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOADED))
        # The server keeps the environment and the stderr that it was started with.
        earlier = dict(os.environ)
        os.environ.update(SERVER_ENVIRONMENT)
        try:
            with quiet(show_on_failure=False):
                self.call(_nothing)
        finally:
            for name in SERVER_ENVIRONMENT:
                del os.environ[name]
            os.environ.update(earlier)

    def call(self, function: Callable[..., None], *arguments: Any) -> int:
        """Call a function of a module in a forked process; gives its exit code."""
        process = self._context.Process(target=function, args=arguments)
        process.start()
        process.join()
        return int(process.exitcode or 0)

    def start(self, stage: str, arguments: Sequence[str] = (), log: str = "", **faults: Any) -> Any:
        """Start a stage and give its process; see `run`. `log` sets two processes of one stage apart."""
        words = ["--artifacts", str(self.folder), *TINY.get(stage, ()), *arguments]
        process = self._context.Process(target=_stage, args=(stage, words, self._log(stage + log)), kwargs=faults)
        process.start()
        return process

    def run(
        self,
        stage: str,
        arguments: Sequence[str] = (),
        kill_after: float | None = None,
        **faults: Any,
    ) -> Outcome:
        """Run a stage with the settings of `TINY`.

        Args:
            stage: the script's name.
            arguments: further flags.
            kill_after: seconds after which SIGKILL is sent.
            faults: `kill_at`, SIGKILL just before this touch of a file (from 1), between a write and its move, for
                example; `kill_in_write`, a kill (SIGXFSZ) in the middle of the write that takes any file beyond so
                many bytes; `file_limit`, bytes beyond which a write to any file fails, half of it written;
                `privileged=False`, root obeys the permissions of files as anybody does.
        """
        started = time.perf_counter()
        process = self.start(stage, arguments, **faults)
        process.join(kill_after)
        process.kill()  # nothing happens to a process that has ended
        process.join()
        return self.outcome(stage, process, time.perf_counter() - started)

    def outcome(self, stage: str, process: Any, seconds: float = 0.0, log: str = "") -> Outcome:
        """What became of a process that has ended."""
        path = self._log(stage + log)
        moments = path.with_suffix(".moments")
        touched = int(moments.read_text(encoding="utf-8")) if moments.is_file() else 0
        moments.unlink(missing_ok=True)
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return Outcome(int(process.exitcode or 0), seconds, text, touched)

    def _log(self, stage: str) -> Path:
        return self.folder.parent / f"{stage}.log"


def _nothing() -> None:
    pass


def _stage(
    stage: str,
    arguments: list[str],
    log: Path,
    kill_at: int | None = None,
    kill_in_write: int | None = None,
    file_limit: int | None = None,
    privileged: bool = True,
) -> None:
    """The forked process: run a stage's main() as from a terminal."""
    import resource
    import runpy

    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(handle, stream)
    main = runpy.run_path(str(SCRIPTS / stage))["main"]
    touched = _watch(Path(arguments[1]), kill_at)
    if not privileged:
        _drop_capabilities()
    limit = kill_in_write or file_limit
    if limit is not None:
        # Python ignores SIGXFSZ: a write beyond the limit fails half-way with EFBIG, as it would on a full disk. By
        # default the signal kills, with the first half of the bytes in the file.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill_in_write else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    code = exit_code(lambda: main(arguments))
    count = len(touched)
    log.with_suffix(".moments").write_text(str(count), encoding="utf-8")
    sys.exit(code)


def _drop_capabilities() -> None:
    """Give up what lets root write anywhere (Linux); no change for others."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    if libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capset")


def _watch(folder: Path, kill_at: int | None) -> list[str]:
    """Note every touch of a file of `folder` that changes it; end the process just before touch number `kill_at`."""
    touched: list[str] = []
    changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod"):
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or not str(path).startswith(str(folder)):
            return
        if event == "open" and not arguments[2] & changing:
            return
        touched.append(event)
        if len(touched) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return touched


# What lies in a folder


class Damaged(Exception):
    """An artifact is not whole."""


_TIMES = ("seconds", "latency", "created", "peak_memory_bytes")


def state(folder: Path) -> dict[str, str]:
    """Fingerprint of every artifact, figures of time left out: two runs of one seed give equal states.

    Checkpoints are opened and not part of the state; the lock and what is being written are passed over.

    Raises:
        Damaged: a file cannot be read to its end.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or path.name == ".lock" or path.name.startswith(files.TEMPORARY):
            continue
        content = path.read_bytes()
        try:
            normal = _normal(path, content)
        except (ValueError, KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
            raise Damaged(f"{name}: {error!r}") from error
        if not path.name.startswith("."):
            found[name] = hashlib.sha256(normal).hexdigest()
    return found


def _normal(path: Path, content: bytes) -> bytes:
    """Bytes without figures of time; raises ValueError or what the file's reader raises when it is not whole."""
    if path.suffix == ".json":
        return json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    if path.suffix in (".npz", ".keras", ".zip"):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():
                raise ValueError("a member has another checksum")
    elif path.suffix == ".png":
        if not (content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB`\x82")):
            raise ValueError("no whole picture")
    elif path.name.startswith("events.out.tfevents"):
        return _records(content)
    elif path.suffix == ".tflite":
        if content[4:8] != b"TFL3":
            raise ValueError("no flatbuffer")
    elif path.stem == "comparison":
        if not content.endswith(b"\n"):
            raise ValueError("no whole table")
        return re.sub(rb"[\d.,]+", b"#", content)  # the table shows times
    return content


def _records(content: bytes) -> bytes:
    """Lengths of the records of an event file, whose contents hold times; ValueError when it ends inside one."""
    lengths, place = [], 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content.ljust(place + 8, b"\0"), place)
        lengths.append(length)
        place += 16 + length  # length, its checksum, the record, its checksum
    if place != len(content):
        raise ValueError("no whole event file")
    return repr(lengths).encode()


def _timeless(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _timeless(value) for key, value in content.items() if key not in _TIMES}
    return [_timeless(value) for value in content] if isinstance(content, list) else content


def lost(before: Mapping[str, str], after: Mapping[str, str], folder: Path) -> list[str]:
    """Artifacts of a folder that are neither what they were before nor what a whole run makes of them.

    The log of a training grows with each epoch: it must be there and whole, of however many epochs.
    """
    try:
        now = state(folder)
    except Damaged as error:
        return [str(error)]
    grown = {name for name in now if name.startswith("logs/")}
    wrong = [name for name in before if name not in grown and now.get(name) not in (before[name], after.get(name))]
    return wrong + [name for name in now if name not in before and name not in grown and now[name] != after.get(name)]


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names of files that stand in one of two states alone, or with another fingerprint."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


# Kills


@dataclass
class KillReport:
    """What a rehearsal of kills showed.

    Attributes:
        seed: of the kill points.
        kills: how many kills struck, by stage.
        by_clock: of these, at a random second.
        in_write: of these, in the middle of a write; the others struck just before a random touch of a file.
        resumed: runs that went on from a checkpoint.
        completed: runs to the end after kills.
        earlier_bytes: bytes of earlier artifacts that were at stake, summed over the kills.
        lost: what was not whole after a kill, or not equal after the run to the end.
        lost_bytes: their bytes before the kill.
        seconds: of the whole rehearsal.
    """

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    by_clock: int = 0
    in_write: int = 0
    resumed: int = 0
    completed: int = 0
    earlier_bytes: int = 0
    lost: list[str] = field(default_factory=list)
    lost_bytes: int = 0
    seconds: float = 0.0


def small_csv(path: Path, rows: int = REVIEWS) -> Path:
    """Some of the bundled reviews, with Kaggle's columns."""
    sample = sources.read_bundled().sample(rows, random_state=0)
    sample["sentiment"] = sample["label"].map({0: "negative", 1: "positive"})
    sample[["review", "sentiment"]].to_csv(path, index=False)
    return path


def short_csv(path: Path) -> bytes:
    """A CSV of the 60 shortest of 400 real reviews, also written to `path`: a fault in it often hits a header, a label or a quote."""
    header, *rows = re.findall(rb'(?:[^"\n]|"(?:[^"]|"")*")+\n', small_csv(path, 400).read_bytes())
    content = b"".join([header, *sorted(rows, key=len)[:60]])
    path.write_bytes(content)
    return content


class Rehearsal:
    """All stages, run twice with two seeds; what lay in the folder before and after each stage of the second run.

    Attributes:
        runner: the stages.
        before: stage to the state that its second run finds.
        after: stage to the state that it leaves.
        plain: stage to how its second run went, unharmed.
    """

    def __init__(self, place: Path, seed: int = 2, stages: Sequence[str] = manifest.STAGES) -> None:
        """Run the stages twice; `stages` may be the first few, to try less."""
        place.mkdir(parents=True, exist_ok=True)
        self.stages = tuple(stages)
        self.place = place
        self.runner = Stages(place / "artifacts")
        self._data = small_csv(place / "reviews.csv")
        self._seed = seed
        self.before: dict[str, dict[str, str]] = {}
        self.after: dict[str, dict[str, str]] = {}
        self.plain: dict[str, Outcome] = {}
        self._largest: dict[str, int] = {}  # bytes of the largest file that a stage writes
        for stage in self.stages:
            self._succeed(stage, self.arguments(stage, 1))
        for stage in self.stages:
            shutil.copytree(self.runner.folder, self._snapshot(stage))
            self.before[stage] = state(self.runner.folder)
            self.plain[stage] = self._succeed(stage, self.arguments(stage))
            self.after[stage] = state(self.runner.folder)
            written = [name for name, mark in self.after[stage].items() if self.before[stage].get(name) != mark]
            self._largest[stage] = max((self.runner.folder / name).stat().st_size for name in written)

    def arguments(self, stage: str, seed: int | None = None) -> list[str]:
        """Flags of a stage in the second run, or with another seed."""
        flags = ["--data", str(self._data)] if stage == manifest.PREPROCESSING else []
        return flags if stage == manifest.QUANTIZATION else [*flags, "--seed", str(seed or self._seed)]

    def restore(self, stage: str) -> None:
        """Lay the folder as the stage's second run finds it."""
        shutil.rmtree(self.runner.folder)
        shutil.copytree(self._snapshot(stage), self.runner.folder)

    def run(self, stage: str, **faults: Any) -> Outcome:
        """Run a stage with the flags of the second run, and with faults of `Stages.run`."""
        return self.runner.run(stage, self.arguments(stage), **faults)

    def lost(self, stage: str) -> list[str]:
        """What is not whole in the folder."""
        return lost(self.before[stage], self.after[stage], self.runner.folder)

    def kill(self, kills: int, seed: int) -> KillReport:
        """Kill the stages at `kills` random points; after each, look; after every `CHAIN`, let the stage end, and look.

        A third of the points are seconds, uniform over the run of all stages; a third are touches of a file, which a
        random second would seldom hit; a third lie in the middle of a write, which neither would hit. A stage that was
        killed before is killed again as it goes on.
        """
        started = time.perf_counter()
        report = KillReport(seed)
        points = self._points(kills, np.random.default_rng(seed))
        for stage, drawn in points.items():
            for first in range(0, len(drawn), CHAIN):
                self.restore(stage)
                for point in drawn[first : first + CHAIN]:
                    self._strike(stage, dict(point), report)
                outcome = self.run(stage)
                report.completed += 1
                report.resumed += "goes on after epoch" in outcome.output
                wrong = self.lost(stage) or differing(state(self.runner.folder), self.after[stage])
                if outcome.code or wrong:
                    report.lost.append(f"{stage} run to the end after kills: exit code {outcome.code}, {wrong}, {outcome.output[-500:]}")
                left = list(self.runner.folder.rglob(f"{files.TEMPORARY}*")) + list(self.runner.folder.glob("*checkpoint*"))
                report.lost += [f"{stage} leaves {path.name}" for path in left]
        report.seconds = time.perf_counter() - started
        return report

    def _points(self, kills: int, random: np.random.Generator) -> dict[str, list[dict[str, Any]]]:
        points: dict[str, list[dict[str, Any]]] = {stage: [] for stage in self.stages}
        seconds = np.array([self.plain[stage].seconds for stage in self.stages])
        moments = np.array([self.plain[stage].moments for stage in self.stages])
        for number in range(kills):
            weights = seconds if number % 3 == 0 else moments
            stage = self.stages[random.choice(len(weights), p=weights / weights.sum())]
            if number % 3 == 0:
                points[stage].append({"kill_after": float(random.uniform(0, self.plain[stage].seconds))})
            elif number % 3 == 1:
                points[stage].append({"kill_at": int(random.integers(1, self.plain[stage].moments + 1))})
            else:
                points[stage].append({"kill_in_write": int(10 ** random.uniform(3, np.log10(self._largest[stage])))})
        return points

    def _strike(self, stage: str, point: dict[str, Any], report: KillReport) -> None:
        outcome = self.run(stage, **point)
        while outcome.code not in (-signal.SIGKILL, -signal.SIGXFSZ):
            if outcome.code:
                report.lost.append(f"{stage} ends with exit code {outcome.code} after a kill: {outcome.output[-500:]}")
            # It ended before the point was reached, as it went on from a checkpoint or was quick: strike a whole run.
            self.restore(stage)
            if "kill_after" in point:
                point["kill_after"] *= 0.9
            elif "kill_in_write" in point:
                point["kill_in_write"] = max(1, point["kill_in_write"] // 3)
            outcome = self.run(stage, **point)
        report.kills[stage] += 1
        report.by_clock += "kill_after" in point
        report.in_write += "kill_in_write" in point
        report.resumed += "goes on after epoch" in outcome.output
        snapshot = self._snapshot(stage)
        report.earlier_bytes += sum((snapshot / name).stat().st_size for name in self.before[stage])
        for name in self.lost(stage):
            report.lost.append(f"{stage} killed ({point}): {name}")
            earlier = snapshot / name
            report.lost_bytes += earlier.stat().st_size if earlier.is_file() else 0

    def _snapshot(self, stage: str) -> Path:
        return self.place / f"before_{stage.split('_')[0]}"

    def _succeed(self, stage: str, arguments: Sequence[str]) -> Outcome:
        outcome = self.runner.run(stage, arguments)
        if outcome.code:
            raise RuntimeError(f"{stage} ends with exit code {outcome.code}: {outcome.output}")
        return outcome


# Garbled CSVs

_TOKENS = (
    *(b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\x00", b"\xef\xbb\xbf", b"\xff", b"\xc3"),
    *(b"positive", b"neutral", b" Pos ", b"1", b"NA"),
)
_HEADERS = (
    b"review",
    b"sentiment",
    b"sentiment,review",
    b"review,review,sentiment",
    b"review,sentiment,sentiment",
    b" Review ,sentiment",
    b" review , sentiment ",
    b"text,label",
    b'"review","sentiment"',
    b"",
)


def garbled(content: bytes, random: np.random.Generator) -> bytes:
    """A CSV with one to four faults: bytes flipped, cut, inserted, repeated, or another header."""
    found = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        kind = random.integers(6)
        first, last = sorted(int(place) for place in random.integers(0, len(found) + 1, 2))
        last = min(last, first + int(random.choice([1, 10, 1000])))
        if kind == 0 and found:
            for place in random.integers(0, len(found), int(random.integers(1, 6))):
                found[place] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del found[first:last]
        elif kind == 2:
            del found[first:]
        elif kind == 3:
            token = _TOKENS[random.integers(len(_TOKENS))] if random.random() < 0.8 else random.bytes(4)
            found[first:first] = token
        elif kind == 4:
            found[first:first] = found[first:last]
        else:
            rows = found.split(b"\n", 1)
            found = bytearray(_HEADERS[random.integers(len(_HEADERS))]) + b"\n" + (rows[-1] if random.random() < 0.8 else bytes(found))
    return bytes(found)


def read_or_refuse(path: Path, recipe: str = "default") -> str:
    """Take a CSV through stage 1's reading, cleaning and splitting.

    Returns:
        "read", or "refused" with one clear line.

    Raises:
        AssertionError: what was read is no valid frame, or the refusal is not one line.
    """
    try:
        raw, spellings = sources.read_csv(path)
        frame, counts = corpus.prepare(raw, recipe, keep_duplicates=False)
        names = corpus.split(frame, 0.2, 0.1, seed=1)
    except UserError as error:
        line = str(error)
        if "\n" in line or "\r" in line or not line.startswith("error: ") or " -> " not in line:
            raise AssertionError(f"not one clear line: {line!r}") from error
        return "refused"
    promises = {
        "columns": list(raw.columns) == ["review", "label"],
        "labels": set(raw["label"]) == {0, 1},
        "reviews are texts": all(isinstance(text, str) and text.strip() and "\x00" not in text for text in raw["review"]),
        "every label was counted": sum(spellings.values()) == len(raw) == counts["reviews"],
        "cleaned texts": all(isinstance(text, str) and text for text in frame["review"]) and frame["review"].is_unique,
        "splits": set(names) == set(corpus.SPLITS) and len(names) == len(frame),
    }
    broken = [promise for promise, kept in promises.items() if not kept]
    if broken:
        raise AssertionError(f"{path} was read, but: {broken}")
    return "read"


def fuzz(content: bytes, inputs: int, seed: int, place: Path) -> Counter[str]:
    """Try `inputs` garbled versions of a CSV; counts what became of them.

    Raises:
        AssertionError: anything but a valid frame or a `UserError`; the input lies in `place`/fuzz.csv.
    """
    random = np.random.default_rng(seed)
    path = place / "fuzz.csv"
    outcomes: Counter[str] = Counter()
    for number in range(inputs):
        path.write_bytes(garbled(content, random))
        try:
            outcomes[read_or_refuse(path)] += 1
        except Exception as error:
            raise AssertionError(f"input {number} of seed {seed}, kept in {path}: {error!r}") from error
    return outcomes


# Any text


def broken_promises(text: str, length: int, padding: str, truncating: str, size: int) -> list[str]:
    """What cleaning, tokenizing and padding promise of any text, and did not keep.

    Args:
        text: any Unicode.
        length: ids per review.
        padding: "pre" or "post".
        truncating: "pre" or "post".
        size: ids in the vocabulary, at most; the text's own words are numbered.
    """
    broken = []
    for recipe in cleaning.RECIPES:
        cleaned = cleaning.clean(text, recipe)
        tokenizer = Tokenizer.fit([cleaned], size, sequence_length=length, padding=padding, truncating=truncating, cleaning=recipe)
        ids = tokenizer.encode_raw([text])
        words = int(np.count_nonzero(ids))
        real = ids[0] != PADDING_ID
        kept = real[::-1] if padding == "pre" else real
        promises = {
            "nothing but words and single spaces": not re.search(r"[^\w' ]|  |^ | $", cleaned),
            "cleaning twice is cleaning once": recipe != "default" or cleaning.clean(cleaned, recipe) == cleaned,
            "fixed length": ids.shape == (1, length) and ids.dtype == np.int32,
            "ids in range": bool(ids.min() >= PADDING_ID and ids.max() < tokenizer.vocabulary_size <= max(size, 2)),
            "every word has an id, up to the length": words == min(length, max(1, len(tokenizer.ids(cleaned)))),
            "padding on its side": bool(kept[:words].all()),
            "the same ids from the cleaned text": bool((tokenizer.encode([cleaned]) == ids).all()),
        }
        broken += [f"{recipe}: {promise}" for promise, holds in promises.items() if not holds]
    return broken


# A mass of rows


def synthetic_rows(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """Reviews as long as real ones and all different: the first half of one, the second of another, and a number."""
    bundle = sources.read_bundled()
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in bundle["review"]]
    names = bundle["label"].map({0: "negative", 1: "positive"}).tolist()
    random = np.random.default_rng(seed)
    for number in range(rows):
        first, second = random.integers(len(halves), size=2)
        yield f"{halves[first][0]}{halves[second][1]} {number}", names[first]


def synthetic_csv(path: Path, rows: int, seed: int = 0) -> Path:
    """Write `synthetic_rows` with Kaggle's columns."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("review", "sentiment"))
        writer.writerows(synthetic_rows(rows, seed))
    return path


@dataclass(frozen=True)
class Load:
    """What a run of stage 1 took: rows, bytes of the CSV, seconds by the clock and of the processor, most resident bytes."""

    rows: int
    csv_bytes: int
    seconds: float
    processor_seconds: float
    peak_bytes: int


def load_stage_1(rows: int, place: Path) -> Load:
    """Run stage 1 on synthetic rows in a process of its own and measure that process."""
    path = synthetic_csv(place / f"synthetic_{rows}.csv", rows)
    command = [sys.executable, str(SCRIPTS / manifest.PREPROCESSING), "--data", str(path), "--artifacts", str(place / f"load_{rows}")]
    # A process counts the memory of the one that started it as its own peak: so a small one starts it, and tells.
    small = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    tell = "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_maxrss, used.ru_utime + used.ru_stime)"
    started = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", small + tell, *command], check=True, stdout=subprocess.PIPE).stdout
    seconds = time.perf_counter() - started
    peak, processor_seconds = told.split()
    unit = 1 if sys.platform == "darwin" else 1024
    found = Load(rows, path.stat().st_size, seconds, float(processor_seconds), int(peak) * unit)
    path.unlink()
    shutil.rmtree(place / f"load_{rows}")
    return found


# What determinism costs


def seconds_per_epoch(folder: Path, deterministic: bool, epochs: int) -> list[float]:
    """Train stage 2's network by its own constants, with deterministic kernels or without.

    Args:
        folder: cleaned reviews (stage 1), also where the checkpoint goes.
        deterministic: op determinism on, as the stages have it, or off.
        epochs: passes over the reviews, the first of which is not counted: it compiles.

    Returns:
        Seconds of each pass but the first.
    """
    from sentipress.core import backend, cli
    from sentipress.lstm import networks, training
    from sentipress.text import phrases

    settings = cli.settings(str(SCRIPTS / manifest.BASELINE), ["--artifacts", str(folder), "--epochs", str(epochs + 1), "--fresh"])
    found = corpus.load(folder)
    texts, labels = found.texts("train"), found.labels("train")
    tokenizer = phrases.fit(texts, labels, settings, found.recipe)
    backend.deterministic(settings.seed)
    if not deterministic:
        from tensorflow.python.framework import config

        config.disable_op_determinism()  # the public interface has no way back
    spec = networks.ModelSpec.of(settings)
    ids = tokenizer.encode(texts)
    plan = training.plan_of(settings, bucketed=spec.masked, patience=epochs + 1)
    checkpoint = folder / ".cost.checkpoint.npz"
    data, validation = (ids, labels[:, np.newaxis]), (ids[:100], labels[:100])
    history = training.train(networks.build_for_training(spec), data, validation, plan, checkpoint, {}, fresh=True)
    checkpoint.unlink()
    return [record["seconds"] for record in history.epochs[1:]]


def _write_seconds(path: Path, *arguments: Any) -> None:
    for name in SERVER_ENVIRONMENT:
        if name.endswith("THREADS"):  # TensorFlow reads them at its first operation: all cores, as in a stage
            del os.environ[name]
    with quiet():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
        path.write_text(json.dumps(seconds_per_epoch(*arguments)), encoding="utf-8")


def cost_of_determinism(place: Path, turns: int, epochs: int = 2, rows: int = 3000) -> dict[bool, list[float]]:
    """Seconds per epoch with determinism on and off, each time in a process of its own, in turns on the same reviews."""
    place.mkdir()
    runner = Stages(place / "artifacts")
    if runner.run(manifest.PREPROCESSING, ["--data", str(small_csv(place / "reviews.csv", rows))]).code:
        raise RuntimeError("stage 1 has failed")
    found: dict[bool, list[float]] = {True: [], False: []}
    path = place / "seconds.json"
    for turn in range(turns):
        for deterministic in (True, False) if turn % 2 == 0 else (False, True):
            if runner.call(_write_seconds, path, runner.folder, deterministic, epochs):
                raise RuntimeError("the training that is timed has failed")
            found[deterministic] += json.loads(path.read_text(encoding="utf-8"))
    return found
