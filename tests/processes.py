"""Stages in processes of their own, with faults on purpose: killed at any moment, on a full disk, without a right to write.

Needs a system that can fork (not Windows).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentipress.core import manifest
from sentipress.core.errors import exit_code
from sentipress.core.quiet import quiet

SCRIPTS = Path(__file__).resolve().parent.parent
# What the stages import, TensorFlow first, and what they make of files of the package; loaded once, by the process that all others
# are forked from.
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
    "primed",
)
# As sentipress.core.backend sets it, before the first import; and one thread each: for tiny models others would only wait. The
# process finds `primed` by PYTHONPATH: of its parent's path it knows nothing.
SERVER_ENVIRONMENT = {
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONPATH": os.pathsep.join(filter(None, (str(SCRIPTS), str(SCRIPTS / "tests"), os.environ.get("PYTHONPATH")))),
} | dict.fromkeys(("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
# Models of a few hundred weights: a stage takes seconds and still writes every file that it writes of large ones.
REVIEWS = 300
_QUICK = ("--latency-reviews", "10", "--no-deployment")
_SHORT = ("--epochs", "2", "--batch-size", "32", *_QUICK)
TINY: dict[str, tuple[str, ...]] = {
    manifest.PREPROCESSING: ("--out-of-domain-texts", "60", "--passages", "30", "--made-sentences", "100"),
    manifest.BASELINE: (
        *("--vocabulary-size", "400", "--pairs", "20", "--sequence-length", "30"),
        *("--embedding-dim", "4", "--units", "4", "--no-bidirectional", *_SHORT),
    ),
    manifest.CLASSICAL: _QUICK,
    manifest.QUANTIZATION: _QUICK,
    manifest.PRUNING: _SHORT,
    manifest.DISTILLATION: _SHORT,
    manifest.COMBINATION: ("--chain", "vocabulary=150,distil=2x2,int4,pack", "--varied", "0.2", *_SHORT),
}
LINKS = ("pocket_1_vocabulary.keras", "pocket_2_distil.keras", "pocket_3_int4.tflite")  # models of that chain beside the packed one


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
