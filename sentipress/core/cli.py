"""Stage constants as flags: what a person may edit at the top of a stage, a command line may set as well."""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from sentipress.core import files, manifest
from sentipress.core.errors import UserError

# What a value must be, by the name of its constant: its kind, the least and the greatest; a flag that is something
# else is refused before work starts.
KINDS: dict[str, tuple[type, float, float]] = {
    "ALPHA": (float, 0.0, 1.0),
    "BATCH": (int, 1, 4096),
    "BATCH_SIZE": (int, 1, 4096),
    "BIDIRECTIONAL": (bool, False, True),
    "DEPLOYMENT": (bool, False, True),
    "DOWNLOAD": (bool, False, True),
    "DROPOUT": (float, 0.0, 0.95),
    "EMBEDDING_DIM": (int, 1, 1024),
    "EMBEDDING_SCALE": (float, 0.001, 10.0),
    "EPOCHS": (int, 1, 1000),
    "EXAMPLES": (int, 0, 10_000_000),
    "FINAL_SPARSITY": (float, 0.0, 0.99),
    "FEATURE_WEIGHT": (float, 0.0, 1000.0),
    "FRESH": (bool, False, True),
    "FUZZ_INPUTS": (int, 0, 100_000_000),
    "INITIAL_SPARSITY": (float, 0.0, 0.99),
    "KEEP_BEST": (bool, False, True),
    "KEEP_DUPLICATES": (bool, False, True),
    "KILLS": (int, 0, 100_000),
    "LATENCY_REVIEWS": (int, 10, 10_000),
    "LEARNING_RATE": (float, 1e-7, 1.0),
    "OTHER_LENGTH": (int, 1, 4096),
    "OTHER_VOCABULARY": (int, 10, 1_000_000),
    "PAIRS": (int, 0, 100_000),
    "PATIENCE": (int, 1, 1000),
    "QUICK": (bool, False, True),
    "REVIEWS": (int, 10, 100_000_000),
    "ROWS": (int, 0, 100_000_000),
    "SAMPLE": (int, 0, 100_000_000),
    "SCORED": (int, 1, 1_000_000),
    "SEED": (int, 0, 2**31 - 1),
    "SEQUENCE_LENGTH": (int, 1, 4096),
    "SPATIAL_DROPOUT": (float, 0.0, 0.95),
    "STUDENT_EMBEDDING": (int, 0, 1024),
    "TEMPERATURE": (float, 0.01, 100.0),
    "TOLERANCE": (float, 0.0, 0.5),
    "TEST_SHARE": (float, 0.05, 0.5),
    "TEXTS": (int, 1, 1_000_000),
    "TURNS": (int, 0, 100),
    "UNITS": (int, 1, 1024),
    "USE_UNLABELLED": (bool, False, True),
    "VALIDATION_SHARE": (float, 0.02, 0.5),
    "VOCABULARY_FROM_VALIDATION": (bool, False, True),
    "VOCABULARY_SIZE": (int, 10, 1_000_000),
    "WIDTH": (float, 0.05, 1.0),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "EMBEDDING_START": ("random", "svd", "svd+nb"),
    "PADDING": ("pre", "post"),
    "POOLING": ("last", "max", "wide"),
    "SCHEDULE": ("constant", "cosine"),
    "TRUNCATING": ("pre", "post"),
}
# Settings that no result depends on.
INCIDENTAL = (
    "address",
    "artifacts",
    "data",
    "defaults",
    "deployment",
    "download",
    "fresh",
    "latency_reviews",
    "only",
    "output",
    "publish",
    "repeats",
    "sample",
    "search",
    "unlabelled",
)
SEARCH_SCHEMA = 1  # of the JSON of a search
RECIPE_CHOICES = ("auto", "default", "thesis")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}", f"python {self.prog} --help lists the flags")


def script_constants(path: Path) -> dict[str, Any]:
    """UPPER_CASE literals assigned at the top of a script, in its order, without running it."""
    constants: dict[str, Any] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and target.id.isupper() and isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            try:
                constants[target.id] = ast.literal_eval(node.value)
            except ValueError:
                raise UserError(f"{path.name}: {target.id} is not a plain value", "write a number, a text, True, False or None") from None
    return constants


def _reasons(path: Path) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _help_texts(path: Path) -> dict[str, str]:
    reasons = _reasons(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = {}
    for number, line in enumerate(lines, start=1):
        name = line.split("=")[0].split(":")[0].strip()
        if name.isupper() and not line.startswith((" ", "#")):
            texts[name] = reasons.get(number, "")
    return texts


def settings(script: str, arguments: list[str] | None = None, rest: str | None = None) -> SimpleNamespace:
    """Settings of a stage: its constants, changed by the recipe, changed by the flags.

    Args:
        script: the stage's `__file__`; its UPPER_CASE constants become flags, the comment behind each its help, and
            the dict RECIPES, if any, names what a recipe sets.
        arguments: the command line, `sys.argv` by default.
        rest: what words that are no flags are called, if the script takes any; they become the setting `rest`.

    Returns:
        The settings by lower-case name. `stage` is the script's name, `values` all settings as one dict, `flags`
        those that the command line set.

    Raises:
        UserError: an unknown flag, or a value that is out of bounds.
    """
    path = Path(script)
    constants, _ = _constants_and_recipes(path)
    texts = _help_texts(path)
    document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    parser = _Parser(path.name, description=document, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name, value in constants.items():
        _add_flag(parser, name, value, texts.get(name, ""))
    if rest:
        parser.add_argument("rest", nargs="*", metavar=rest)
    flags = vars(parser.parse_args(arguments))
    if flags.get("defaults"):
        flags = {**_searched(Path(flags["defaults"]), path.name, constants), **flags}
    recipe = flags.get("recipe", constants.get("RECIPE"))
    if recipe == "auto":
        if path.name == manifest.PREPROCESSING:
            raise UserError(f"{path.name}: --recipe auto means stage 1's recipe, which is chosen here", "give default or thesis")
        from sentipress.data import corpus

        recipe = corpus.recipe_of(Path(flags.get("artifacts", constants["ARTIFACTS"])))
    values = merged(path, recipe, flags)
    for name, value in values.items():
        _check(name, value)
    return SimpleNamespace(**values, stage=path.name, values=values, flags=flags)


def _searched(file: Path, stage: str, constants: Mapping[str, Any]) -> dict[str, Any]:
    """Best settings of a search, as if they had been given as flags.

    Raises:
        UserError: the file is missing, damaged, of another stage, or sets what the stage does not have.
    """
    remedy = f"python {stage} --search study writes one"
    found = files.read_json(file, SEARCH_SCHEMA, remedy)
    best = found.get("best")
    if found.get("stage") != stage or not isinstance(best, dict) or not all(str(name).upper() in constants for name in best):
        raise UserError(f"{file} is not a search of {stage}", remedy)
    return dict(best)


def _check(name: str, value: Any) -> None:
    """Refuse what a flag or an edited constant must not be."""
    choices = _choices(name.upper())
    if choices and value not in choices:
        raise UserError(f"--{_flag(name)} {value} is unknown", f"give one of {', '.join(choices)}")
    if name.upper() not in KINDS:
        return
    kind, low, high = KINDS[name.upper()]
    if kind is bool:
        if not isinstance(value, bool):
            raise UserError(f"--{_flag(name)} {value!r} is neither True nor False", "give one of them")
        return
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise UserError(f"--{_flag(name)} {value!r} is not a {'whole ' if kind is int else ''}number", f"give {low} to {high}")
    if not low <= value <= high:
        raise UserError(f"--{_flag(name)} {value} is out of bounds", f"give {low} to {high}")


def _choices(name: str) -> tuple[str, ...]:
    return RECIPE_CHOICES if name == "RECIPE" else CHOICES.get(name, ())


def merged(path: Path, recipe: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """Settings by lower-case name: the constants of a script, changed by a recipe, changed by flags."""
    constants, recipes = _constants_and_recipes(path)
    values = {name.lower(): value for name, value in {**constants, **recipes.get(recipe or "", {})}.items()}
    return {**values, **flags, **({"recipe": recipe} if recipe else {})}


def recorded(settings: SimpleNamespace) -> dict[str, dict[str, Any]]:
    """Settings and flags for the lineage of a result: without what it does not depend on, such as folders."""
    return {
        "settings": {name: value for name, value in settings.values.items() if name not in INCIDENTAL},
        "flags": {name: value for name, value in settings.flags.items() if name not in INCIDENTAL},
    }


def changed_settings(path: Path, record: Mapping[str, Any]) -> list[str]:
    """Which settings of a metrics record a run of the script today, with the same recipe and flags, would not have."""
    was = record["settings"]
    now = merged(path, was.get("recipe"), record.get("flags", {}))
    names = [name for name in now if name not in INCIDENTAL and now[name] != was.get(name)]
    return [f"--{_flag(name)} is {now[name]} now, was {was.get(name)}" for name in names]


def _constants_and_recipes(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    constants = script_constants(path)
    for name in ("FLAGS", "ROWS"):  # what a script writes or passes on, when it is a table: not for tuning
        if isinstance(constants.get(name), tuple | dict):
            del constants[name]
    return constants, constants.pop("RECIPES", {})


def _flag(name: str) -> str:
    return name.lower().replace("_", "-")


def _add_flag(parser: argparse.ArgumentParser, name: str, value: Any, text: str) -> None:
    shown = f"{text} (default: {value})".replace("%", "%%").strip()
    if isinstance(value, bool):
        parser.add_argument(f"--{_flag(name)}", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=shown)
        return
    choices = _choices(name)
    parser.add_argument(
        f"--{_flag(name)}",
        type=str if value is None else type(value),
        choices=choices or None,
        metavar=None if choices else type(value).__name__.upper().replace("NONETYPE", "TEXT"),
        default=argparse.SUPPRESS,
        help=shown,
    )


def check_recipe(settings: SimpleNamespace, cleaned_by: str) -> None:
    """Refuse a model recipe on reviews that were cleaned by another.

    Raises:
        UserError: the recipes differ.
    """
    recipe = getattr(settings, "recipe", cleaned_by)
    if recipe != cleaned_by:
        raise UserError(
            f"{settings.artifacts}/reviews.csv was cleaned by the recipe {cleaned_by}, not {recipe}",
            f"run {manifest.command(manifest.PREPROCESSING, settings.artifacts, {'recipe': recipe})}",
        )
