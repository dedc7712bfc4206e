"""Searching settings on validation with Ray Tune: on this machine's cores, or on a Ray cluster by its address.

Bad trials are stopped early (ASHA: Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020). A search
that was killed goes on and repeats no finished trial. Needs requirements-search.txt.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core import cli, files, manifest
from sentipress.core.backend import deterministic
from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.data import corpus
from sentipress.evaluation import plots
from sentipress.lstm import distillation, networks, training
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline import encoder_answers, teachers, workspace
from sentipress.scale import cluster
from sentipress.text import embeddings, phrases

REQUIREMENTS = "requirements-search.txt"
# Before Ray is imported: what `cluster` has set, the older output of Tune, and the state of the search saved each second.
os.environ |= {"RAY_AIR_NEW_OUTPUT": "0", "TUNE_GLOBAL_CHECKPOINT_S": "1"}
try:
    import ray
    from ray import tune
except ImportError:  # of Ray, or of what Tune needs besides
    raise UserError("the package ray is not installed", f"pip install -r {REQUIREMENTS}") from None

FOLDER = ".search"  # in the artifacts folder: the state of searches
REDUCTION = 3  # ASHA lets about one of three trials on at each rung
METRIC = "validation_accuracy"
# One thread a trial: trials run side by side.
VARIABLES = {
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Preset:
    """Settings to try.

    Attributes:
        grid: setting to its values, all combinations of which are tried.
        drawn: setting to its values, or to ("log", least, greatest), of which combinations are drawn at random.
        trials: how many are drawn.
    """

    grid: Mapping[str, tuple[Any, ...]]
    drawn: Mapping[str, tuple[Any, ...]]
    trials: int = 1

    @property
    def points(self) -> int:
        """How many trials there are."""
        return self.trials * len(list(itertools.product(*self.grid.values())))

    def space(self) -> dict[str, Any]:
        """As Ray Tune has it."""
        space: dict[str, Any] = {name: tune.grid_search(list(values)) for name, values in self.grid.items()}
        for name, values in self.drawn.items():
            space[name] = tune.loguniform(*values[1:]) if values[0] == "log" else tune.choice(list(values))
        return space


PRESETS: dict[str, dict[str, Preset]] = {
    manifest.DISTILLATION: {
        # The study's list.
        "study": Preset({"alpha": (0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95), "temperature": (0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)}, {}),
        "wide": Preset(
            {},
            {
                "alpha": (0.0, 0.25, 0.5, 0.75, 1.0),
                "temperature": (1.0, 1.5, 2.0, 3.0, 5.0),
                "width": (0.25, 0.375, 0.5),
                "student_embedding": (8, 16, 24, 32),
                "learning_rate": ("log", 1e-3, 1e-2),
            },
            48,
        ),
    },
    manifest.BASELINE: {
        # The study's test bench.
        "study": Preset({"embedding_dim": (64, 128), "sequence_length": (70, 110, 150, 190, 230, 270, 310), "batch_size": (32, 64)}, {}),
        "wide": Preset(
            {},
            {
                "embedding_dim": (32, 64, 96),
                "units": (32, 64, 96),
                "dropout": (0.2, 0.3, 0.5),
                "spatial_dropout": (0.1, 0.3, 0.5),
                "learning_rate": ("log", 5e-4, 5e-3),
                "batch_size": (64, 128, 256),
            },
            48,
        ),
    },
}


# Trials: what a worker does, on whichever machine


def _quietly(train: Callable[..., Any]) -> None:
    """Train with a checkpoint that nobody needs, and tell Ray of each epoch."""
    node = ray.get_runtime_context().get_node_id()

    def report(epochs: list[dict[str, float]]) -> None:
        tune.report({METRIC: epochs[-1][METRIC], "epoch_seconds": epochs[-1]["seconds"], "node": node})

    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stdout(None):
        train(checkpoint=Path(name) / "checkpoint.npz", identity={}, watch=report)


def _settings(values: Mapping[str, Any], point: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{**values, **point})


def _distil(point: dict[str, Any], data: dict[str, Any]) -> None:
    settings = _settings(data["settings"], point)
    spec = distillation.student_spec(data["teacher"], settings.width, settings.student_embedding)
    deterministic(settings.seed)
    vectors = embeddings.table_of(data["start"], settings, spec.embedding_dim)
    technique = distillation.first_technique(settings.techniques)
    distiller = distillation.Distiller.of(settings, technique, spec, vectors, data["targets"])
    plan = training.plan_of(settings, bucketed=spec.masked, patience=settings.epochs)
    _quietly(
        lambda **options: training.train(
            distiller.model, (data["ids"], data["targets"]), data["validation"], plan, data["task"], loss=distiller.loss, **options
        )
    )


def _baseline(point: dict[str, Any], data: dict[str, Any]) -> None:
    settings = _settings(data["settings"], point)
    spec = ModelSpec.of(settings, data["task"].outputs)
    tokenizer = replace(data["tokenizer"], sequence_length=settings.sequence_length)
    deterministic(settings.seed)
    model = networks.build_for_training(spec)
    networks.start_embedding(model, embeddings.table_of(data["start"], settings, spec.embedding_dim))
    plan = training.plan_of(settings, bucketed=spec.masked, patience=settings.epochs)
    train, validation = ((tokenizer.encode(texts), labels) for texts, labels in (data["train"], data["validation"]))
    _quietly(lambda **options: training.train(model, (train[0], train[1][:, np.newaxis]), validation, plan, data["task"], **options))


# Searches


def distil(settings: SimpleNamespace) -> None:
    """Search settings of stage 5 for the first of its techniques."""
    preset = _preset(settings)
    if "self" in settings.techniques:
        raise UserError("--techniques self cannot be searched: its teacher is the student's own control", "search response")
    space, base = workspace.Workspace.open(settings)
    start, widest = space.start(), max(preset.drawn.get("student_embedding", [0]))
    if start and widest > start.vectors.shape[1]:
        known = f"{space.folder / manifest.START} has {start.vectors.shape[1]}"
        raise UserError(f"--search {settings.search} tries embeddings of {widest} columns, and {known}", "give --embedding-start random")
    teaching = encoder_answers.consult(space)
    rows = _rows(len(space.ids["train"]), settings)
    others = space.tokenizer.encode(teaching.unlabelled)[: settings.sample or None]
    ids = np.concatenate([space.ids["train"][rows], others])
    features = None
    if distillation.TECHNIQUES[distillation.first_technique(settings.techniques)].needs_features:
        features = teachers.features(base.model, base.spec, ids)
    logits = teaching.logits["train"][rows], teaching.logits["unlabelled"][: len(others)]
    targets = distillation.targets_of(space.task, space.labels["train"][rows], *logits, features)
    data = {
        "settings": settings.values,
        "teacher": base.spec,
        "task": space.task,
        "start": start,
        "ids": ids,
        "targets": targets,
        "validation": (space.ids["validation"], space.labels["validation"]),
    }
    _run(settings, preset, _distil, data, space.inputs(manifest.BASE.file, *teaching.files, *space.words()), len(ids), ids, targets)


def baseline(settings: SimpleNamespace, reviews: corpus.Corpus) -> None:
    """Search settings of stage 2."""
    preset = _preset(settings)
    rows = _rows(len(reviews.labels("train")), settings)
    texts, labels = list(reviews.texts("train")[rows]), reviews.labels("train")[rows]  # lists: the trials are other processes
    tokenizer = phrases.fit(texts, labels, settings, reviews.recipe, reviews.task)
    start = None
    if settings.embedding_start != "random":
        columns = max([settings.embedding_dim, *preset.grid.get("embedding_dim", ()), *preset.drawn.get("embedding_dim", ())])
        unlabelled = reviews.unlabelled() if settings.use_unlabelled else []
        start = embeddings.Start.fit(texts, labels, unlabelled, tokenizer, embeddings.Shape(columns, settings.seed, reviews.task))
    validation = (list(reviews.texts("validation")), reviews.labels("validation"))
    data = {
        "settings": settings.values,
        "task": reviews.task,
        "tokenizer": tokenizer,
        "start": start,
        "train": (texts, labels),
        "validation": validation,
    }
    _run(settings, preset, _baseline, data, [reviews.path], len(texts), start.vectors if start else None)


def _preset(settings: SimpleNamespace) -> Preset:
    known = PRESETS[settings.stage]
    if settings.search not in known:
        raise UserError(f"--search {settings.search} is unknown", f"give one of {', '.join(known)}")
    return known[settings.search]


def _rows(reviews: int, settings: SimpleNamespace) -> np.ndarray:
    """Training reviews of a search: all, or a seeded sample."""
    order = np.random.default_rng(settings.seed).permutation(reviews)
    return np.sort(order[: settings.sample or None])


class _Progress(tune.Callback):
    """A line per trial that ends."""

    def __init__(self, points: int, names: list[str]) -> None:
        self._points, self._names, self._started = points, names, time.perf_counter()
        self._best = 0.0

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:
        """Ray Tune calls it."""
        ended = 1 + sum(other.is_finished() for other in trials if other is not trial)
        best = trial.metric_analysis[METRIC]["max"]
        self._best = max(self._best, best)
        point = ", ".join(f"{name} {trial.config[name]:.4g}" for name in self._names)
        print(
            f"{ended}/{self._points}: {best:.2%} on validation after {trial.last_result['training_iteration']} epochs ({point}); "
            f"best {self._best:.2%}, {time.perf_counter() - self._started:.0f} s",
            flush=True,
        )


def _point(result: Any, names: list[str]) -> dict[str, Any]:
    """What became of a trial."""
    if result.error or not result.metrics or METRIC not in result.metrics:
        raise UserError(f"a trial failed ({str(result.error).strip().splitlines()[-1][:150]})", "run the command again: it goes on")
    history = result.metrics_dataframe
    outcome = {METRIC: float(history[METRIC].max()), "epochs": len(history), "seconds": float(history["epoch_seconds"].sum())}
    return {**{name: result.config[name] for name in names}, **outcome, "node": result.metrics["node"]}


def _run(
    settings: SimpleNamespace,
    preset: Preset,
    trial: Any,
    data: dict[str, Any],
    inputs: list[Path],
    reviews: int,
    *arrays: np.ndarray | None,
) -> None:
    """Search, or go on with a search of the same settings, files and `arrays`; write the result."""
    artifacts = Path(settings.artifacts).resolve()
    stage = Path(settings.stage).stem.split("_")[-1]
    hashes = {path.name: files.sha256(path) for path in inputs}
    key = files.fingerprint([cli.recorded(settings)["settings"], hashes, reviews, repr(preset), files.array_hashes(arrays)])
    state = artifacts / FOLDER / f"{stage}_{settings.search}_{key[:12]}"
    if settings.fresh:
        shutil.rmtree(state, ignore_errors=True)
    started = time.perf_counter()
    names = [*preset.grid, *preset.drawn]
    print(f"{preset.points} settings of {', '.join(names)}, {reviews:,} reviews, at most {settings.epochs} epochs each")
    with cluster.connected(settings.address, REQUIREMENTS, VARIABLES, num_cpus=os.cpu_count()), quiet():
        given = tune.with_resources(tune.with_parameters(trial, data=data), {"cpu": 1})
        if tune.Tuner.can_restore(str(state)):
            print("the search goes on where it was stopped (--fresh starts over)")
            tuner = tune.Tuner.restore(str(state), given, param_space=preset.space(), resume_unfinished=True, restart_errored=True)
        else:
            tuner = tune.Tuner(
                given,
                param_space=preset.space(),
                tune_config=tune.TuneConfig(
                    num_samples=preset.trials,
                    metric=METRIC,
                    mode="max",
                    scheduler=tune.schedulers.ASHAScheduler(max_t=settings.epochs, grace_period=1, reduction_factor=REDUCTION),
                    search_alg=tune.search.BasicVariantGenerator(random_state=settings.seed),
                ),
                run_config=tune.RunConfig(
                    name=state.name, storage_path=str(state.parent), verbose=0, callbacks=[_Progress(preset.points, names)]
                ),
            )
        results = tuner.fit()
    if not results.num_errors and (results.num_terminated < len(results) or len(results) < preset.points):
        raise KeyboardInterrupt  # Ray Tune takes Ctrl-C for itself and gives what there is
    points = [_point(results[number], names) for number in range(len(results))]
    points.sort(key=lambda point: (-point[METRIC], [point[name] for name in names]))  # of equals the smaller settings, always
    trained = sum(point["epochs"] for point in points)
    spent = sum(point["seconds"] for point in points)
    content = {
        "schema": cli.SEARCH_SCHEMA,
        "stage": settings.stage,
        "preset": settings.search,
        "best": {name: points[0][name] for name in names},
        "points": points,
        "reviews": reviews,
        "epochs": settings.epochs,
        "training_seconds": spent,
        # An epoch costs about as much in whichever trial.
        "full_grid_seconds": spent / trained * settings.epochs * len(points),
        "wall_seconds": time.perf_counter() - started,
        "settings": cli.recorded(settings)["settings"],
        "inputs": hashes,
    }
    path = artifacts / f"search_{stage}.json"
    files.write_json(path, content)
    if preset.grid:
        plots.heat_map(points, list(preset.grid), METRIC, settings.epochs, artifacts / "figures" / f"search_{stage}.png")
    for point in points[:10]:
        print("  " + ", ".join(f"{name} {point[name]:.4g}" for name in names) + f": {point[METRIC]:.2%} after {point['epochs']} epochs")
    print(
        f"{trained} of {settings.epochs * len(points)} epochs trained in {spent:.0f} s of trials (all would be about "
        f"{content['full_grid_seconds']:.0f} s), {content['wall_seconds']:.0f} s by the clock of this run"
    )
    print(f"wrote {settings.artifacts}/{path.name}; chosen on validation, of {len(points)}: the best figure flatters")
    print(f"next: {manifest.command(settings.stage, settings.artifacts, {'defaults': f'{settings.artifacts}/{path.name}'})}")
