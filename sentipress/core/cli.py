"""Constants of a script as flags: what a person may edit at its top, a command line may set as well."""

from __future__ import annotations

import argparse
import ast
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from sentipress.core import defaults, files, folder, manifest
from sentipress.core.constants import Constant, script_constants, script_literals
from sentipress.core.errors import UserError

# Settings that no result depends on.
INCIDENTAL = (
    *("address", "artifacts", "data", "defaults", "deployment", "device", "download", "fresh", "held_out", "ids_memory", "latency_reviews"),
    *("more_training", "only", "out_of_domain_data", "output", "publish", "reading_sets", "repeats", "sample", "search"),
    *("test_data", "unlabelled"),
)
SEARCH_SCHEMA = 1  # of the JSON of a search


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog}: {message}", f"python {self.prog} --help lists the flags")


def settings(script: str, arguments: list[str] | None = None, rest: str | None = None) -> SimpleNamespace:
    """Settings of a script: its constants, changed by the recipe, changed by the flags. Prints what differs from the defaults.

    Args:
        script: the script's `__file__`. Its UPPER_CASE constants become flags, the comment behind each its help. The
            dictionary RECIPES, if there is one, holds what a recipe sets.
        arguments: the command line, `sys.argv` by default.
        rest: what words that are no flags are called, if the script takes any. They become the setting `rest`.

    Returns:
        The settings by lower-case name. `stage` is the script's name, `values` all settings as one dictionary, `flags`
        those that the command line set.

    Raises:
        UserError: an unknown flag, or a value that is out of bounds.
    """
    path = Path(script)
    constants = script_constants(path)
    document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    parser = _Parser(path.name, description=document, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    for name, constant in constants.items():
        _add_flag(parser, name, constant)
    if rest:
        parser.add_argument("rest", nargs="*", metavar=rest)
    flags = vars(parser.parse_args(arguments))
    if flags.get("defaults"):
        flags = {**_searched(Path(flags["defaults"]), path.name, constants), **flags}
    recipe = flags.get("recipe", constants["RECIPE"].value if "RECIPE" in constants else None)
    _check_all(path, merged(path, None, flags), constants)
    if recipe == "auto":
        recipe = folder.recipe_of(Path(flags.get("artifacts", constants["ARTIFACTS"].value)), manifest.script_name(path))
    values = merged(path, recipe, flags)
    _check_all(path, values, constants)
    for line in _differences(path, recipe, flags):
        print(line)
    return SimpleNamespace(**values, stage=manifest.script_name(path), values=values, flags=flags)


def _differences(path: Path, recipe: str | None, flags: Mapping[str, Any]) -> list[str]:
    """What a person should know of a stage's settings before it works: which are not the defaults, and why."""
    shipped = defaults.shipped(manifest.script_name(path))
    if shipped is None:
        return []
    constants = script_constants(path)
    edited = {name: constant.value for name, constant in constants.items() if name in shipped and constant.value != shipped[name]}
    by_recipe = script_literals(path).get("RECIPES", {}).get(recipe or "", {})
    lines = []
    if edited:
        lines.append("edited: " + ", ".join(f"{name} = {value!r} (default {shipped[name]!r})" for name, value in edited.items()))
    if by_recipe:
        lines.append(f"recipe {recipe}: " + ", ".join(f"{name} = {value!r}" for name, value in by_recipe.items()))
    chosen = {name: value for name, value in flags.items() if name not in INCIDENTAL and name not in ("recipe", "rest")}
    if chosen:
        lines.append("flags: " + ", ".join(f"{name.upper()} = {value!r}" for name, value in chosen.items()))
    for name in edited:
        if name in by_recipe and name.lower() not in flags:
            keep = f"--{_flag(name)} {edited[name]}"
            lines.append(f"note: recipe {recipe} sets {name} = {by_recipe[name]!r} over the edited {edited[name]!r}; {keep} keeps it")
    return lines


def _searched(file: Path, stage: str, constants: Mapping[str, Any]) -> dict[str, Any]:
    """Best settings of a search, as if they had been given as flags.

    Raises:
        UserError: the file is missing, damaged, of another stage, or sets what the stage does not have.
    """
    remedy = f"python {stage} --search study writes one"
    content = files.read_json(file, SEARCH_SCHEMA, remedy)
    best = content.get("best")
    if content.get("stage") != stage or not isinstance(best, dict) or not all(str(name).upper() in constants for name in best):
        raise UserError(f"{file} is not a search of {stage}", remedy)
    return dict(best)


def _check_all(path: Path, values: Mapping[str, Any], constants: Mapping[str, Constant]) -> None:
    shipped = defaults.shipped(manifest.script_name(path)) or {}
    for name, value in values.items():
        constant = constants.get(name.upper())
        if constant:
            _check(name, value, constant, shipped.get(name.upper(), constant.value))


def _check(name: str, value: Any, constant: Constant, shipped: Any) -> None:
    """Refuse what a flag or an edited constant must not be; `shipped` is the value that the constant had before any edit."""
    if constant.choices and value not in constant.choices:
        raise UserError(f"--{_flag(name)} {value} is unknown", f"give one of {', '.join(constant.choices)}")
    if isinstance(shipped, bool) and not isinstance(value, bool):
        raise UserError(f"--{_flag(name)} {value!r} is neither True nor False", "give one of them")
    if isinstance(shipped, str | None) and not isinstance(value, str | None):
        raise UserError(f"--{_flag(name)} {value!r} is no text", "write it in quotes")
    if not constant.bounds:
        return
    low, high = constant.bounds
    limits = f"give {_plain(low)} to {_plain(high)}"
    if isinstance(value, bool) or not isinstance(value, int if constant.whole else int | float):
        raise UserError(f"--{_flag(name)} {value!r} is not a {'whole ' if constant.whole else ''}number", limits)
    if not low <= value <= high:
        raise UserError(f"--{_flag(name)} {value} is out of bounds", limits)


def merged(path: Path, recipe: str | None, flags: dict[str, Any]) -> dict[str, Any]:
    """Settings by lower-case name: the constants of a script, changed by a recipe, changed by flags."""
    recipes = script_literals(path).get("RECIPES", {})
    by_constant = {name: constant.value for name, constant in script_constants(path).items()}
    values = {name.lower(): value for name, value in {**by_constant, **recipes.get(recipe or "", {})}.items()}
    return {**values, **flags, **({"recipe": recipe} if recipe else {})}


def recorded(settings: SimpleNamespace) -> dict[str, dict[str, Any]]:
    """Settings and flags for the lineage of a result: without what it does not depend on, such as folders."""
    return {
        "settings": {name: value for name, value in settings.values.items() if name not in INCIDENTAL},
        # Which rows were made is no setting of a row, but the command that makes them again needs it.
        "flags": {name: value for name, value in settings.flags.items() if name not in INCIDENTAL or name == "only"},
    }


def changed_settings(path: Path, record: Mapping[str, Any]) -> list[str]:
    """Which settings of a metrics record a run of the script today, with the same recipe and flags, would not have.

    A setting that came after the record is not counted: at first it changes nothing.
    """
    was = record["settings"]
    now = merged(path, was.get("recipe"), record.get("flags", {}))
    names = [name for name in now if name not in INCIDENTAL and name in was and now[name] != was[name]]
    return [f"--{_flag(name)} is {now[name]} now, was {was[name]}" for name in names]


def _plain(bound: float) -> str:
    """A bound as a person writes it: 1000000, 0.95, 1e-07."""
    return f"{int(bound)}" if bound.is_integer() else f"{bound:g}"


def _flag(name: str) -> str:
    return name.lower().replace("_", "-")


def _add_flag(parser: argparse.ArgumentParser, name: str, constant: Constant) -> None:
    value, choices = constant.value, constant.choices
    limits = "; from {} to {}".format(*map(_plain, constant.bounds)) if constant.bounds else ""
    shown = f"{constant.text} (default: {value}{limits})".replace("%", "%%").strip()
    if isinstance(value, bool):
        parser.add_argument(f"--{_flag(name)}", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=shown)
        return
    parser.add_argument(
        f"--{_flag(name)}",
        type=str if value is None else type(value),
        choices=choices or None,
        metavar=None if choices else type(value).__name__.upper().replace("NONETYPE", "TEXT"),
        default=argparse.SUPPRESS,
        help=shown,
    )


def check_recipe(settings: SimpleNamespace, cleaned_by: str) -> None:
    """Refuse a model recipe on texts that were cleaned by another.

    Raises:
        UserError: the recipes differ.
    """
    recipe = getattr(settings, "recipe", cleaned_by)
    if recipe != cleaned_by:
        raise UserError(
            f"{settings.artifacts}/reviews.csv was cleaned by the recipe {cleaned_by}, not {recipe}",
            f"run {manifest.command(manifest.track_of(settings.stage).scripts[0], settings.artifacts, {'recipe': recipe})}",
        )
