"""Constants, flags and recipes: what may be set, what is said of it, and what is refused."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT, load_stage, stages_with

from sentipress.core import cli, defaults, errors, files, folder, manifest
from sentipress.core.constants import Constant, script_constants, script_literals
from sentipress.core.manifest import BASELINE, DISTILLATION, PRUNING, QUANTIZATION

EVERY_STAGE = [script for track in manifest.TRACKS for script in track.scripts]
SCRIPTS = [path for place in (".", "encoder", "benchmarks", "demo") for path in sorted((ROOT / place).glob("*.py"))]


def edited(tmp_path, script, **constants):
    """A copy of a script with other constants."""
    path = ROOT / script
    for number, (name, value) in enumerate(constants.items()):
        before = path.read_text(encoding="utf-8")
        path = stages_with(tmp_path / f"{name}{number}", script, name, value) / script
        if number:  # on top of the edits before
            lines = {line.split(" =")[0]: line for line in path.read_text(encoding="utf-8").splitlines()}
            path.write_text(re.sub(rf"(?m)^{name} = .*$", lambda _, line=lines[name]: line, before), encoding="utf-8")
    return str(path)


# What a constant may be


@pytest.mark.parametrize(
    ("comment", "constant"),
    [
        ("[0.0, 0.95] of pooled features", Constant(1, "of pooled features", (0, 0.95), whole=False)),
        ("[1e-7, 1.0] Adam's own", Constant(1, "Adam's own", (1e-7, 1), whole=False)),
        ("[1, 1000] a third one [2]", Constant(1, "a third one [2]", (1, 1000), whole=True)),
        ("{pre, post} where zeros go", Constant(1, "where zeros go", choices=("pre", "post"))),
        ("of the CSV [0, 1]", Constant(1, "of the CSV [0, 1]")),
        ("", Constant(1)),
    ],
)
def test_bounds_and_choices_stand_in_front_of_the_comment(comment, constant):
    assert Constant.of(1, comment) == constant


def test_every_number_and_every_word_of_few_has_bounds_or_choices():
    with_flags = [path for path in SCRIPTS if "cli.settings(__file__" in path.read_text(encoding="utf-8")]
    names = {path.relative_to(ROOT).as_posix() for path in with_flags}
    assert names > {*EVERY_STAGE, "predict.py", "compare.py", "report.py"}
    for script in with_flags:
        constants = script_constants(script)
        numbers = {name for name, c in constants.items() if isinstance(c.value, int | float) and not isinstance(c.value, bool)}
        assert {name for name in numbers if not constants[name].bounds} == set(), script.name
        for name, constant in constants.items():
            assert constant.text, f"{script.name}: {name} lacks its reason"
            if constant.bounds:
                assert constant.bounds[0] <= constant.value <= constant.bounds[1], f"{script.name}: {name}"
                assert isinstance(constant.value, int) == constant.whole, f"{script.name}: {name}"
            if constant.choices:
                assert constant.value in constant.choices, f"{script.name}: {name}"
    words = {"PADDING", "TRUNCATING", "EMBEDDING_START", "POOLING", "SCHEDULE", "RECIPE"}
    assert all(constant.choices for stage in EVERY_STAGE for name, constant in script_constants(ROOT / stage).items() if name in words)


def test_a_recipe_sets_constants_that_the_stage_has_to_what_they_may_be():
    for stage in EVERY_STAGE:
        constants, recipes = script_constants(ROOT / stage), script_literals(ROOT / stage).get("RECIPES", {})
        for recipe, changes in recipes.items():
            assert set(changes) <= set(constants) and "RECIPE" in constants and recipe in constants["RECIPE"].choices
            for name in changes:
                cli.settings(str(ROOT / stage), ["--recipe", recipe])
                assert changes[name] != constants[name].value, f"{stage}: {recipe} sets {name} to the default"


def test_the_shipped_defaults_are_those_of_the_scripts():
    assert defaults.current() == {script: defaults.shipped(script) for script in EVERY_STAGE}
    assert defaults.shipped("predict.py") is None
    content = defaults.FILE.read_text(encoding="utf-8")
    assert set(re.findall(r'^ "(.*)": \{$', content, re.MULTILINE)) == set(EVERY_STAGE)


@pytest.mark.parametrize(
    ("constant", "value", "words"),
    [
        ("PADDING", '"left"', "--padding left is unknown"),
        ("EPOCHS", "3.5", "not a whole number"),
        ("EPOCHS", '"3"', "not a whole number"),
        ("EPOCHS", "True", "not a whole number"),
        ("DROPOUT", '"no"', "is not a number"),
        ("LEARNING_RATE", "1 / 1000", "LEARNING_RATE is not a plain value"),
        ("BIDIRECTIONAL", "1", "neither True nor False"),
        ("BIDIRECTIONAL", '"yes"', "neither True nor False"),
        ("ARTIFACTS", "3", "--artifacts 3 is no text -> write it in quotes"),
        ("SEARCH", "True", "--search True is no text"),
        ("UNITS", "0", "out of bounds"),
    ],
)
def test_an_absurd_constant_is_refused(tmp_path, constant, value, words):
    with pytest.raises(errors.UserError, match=re.escape(words)):
        cli.settings(edited(tmp_path, BASELINE, **{constant: value}), ["--recipe", "default"])


# What is said of it


def test_nothing_is_said_of_a_stage_as_it_is_shipped(capsys):
    for stage in EVERY_STAGE:
        timed = "LATENCY_REVIEWS" in script_constants(ROOT / stage)
        flags = ["--artifacts", "somewhere", "--latency-reviews", "10"] if timed else []
        flags += ["--data", "some.csv"] if "DATA" in script_constants(ROOT / stage) else []
        cli.settings(str(ROOT / stage), [*flags, *(["--recipe", "default"] if "RECIPE" in script_constants(ROOT / stage) else [])])
        cli.settings(str(ROOT / "predict.py"), ["--batch", "3", "word"], rest="text")
    assert capsys.readouterr().out == ""


def test_edited_constants_recipes_and_flags_are_named_at_the_start(tmp_path, capsys):
    script = edited(tmp_path, BASELINE, UNITS="32", BATCH_SIZE="16", EPOCHS="4")
    cli.settings(script, ["--recipe", "default", "--dropout", "0.1", "--no-bidirectional", "--artifacts", "x", "--fresh"])
    assert capsys.readouterr().out.splitlines() == [
        "edited: UNITS = 32 (default 64), EPOCHS = 4 (default 2), BATCH_SIZE = 16 (default 64)",
        "flags: DROPOUT = 0.1, BIDIRECTIONAL = False",
    ]
    settings = cli.settings(script, ["--recipe", "thesis", "--units", "9"])
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("edited: UNITS = 32 (default 64), ") and said[2] == "flags: UNITS = 9"
    assert said[1].startswith("recipe thesis: VOCABULARY_SIZE = 20000, PAIRS = 0, ") and "EPOCHS = 12" in said[1]
    # UNITS was given as a flag, BATCH_SIZE is none of the recipe's: only EPOCHS was edited in vain.
    assert said[3:] == ["note: recipe thesis sets EPOCHS = 12 over the edited 4; --epochs 4 keeps it"]
    assert (settings.units, settings.epochs, settings.batch_size) == (9, 12, 16)
    settings = cli.settings(script, ["--recipe", "thesis", "--units", "9", "--epochs", "4"])
    assert "note:" not in capsys.readouterr().out and settings.epochs == 4


def test_the_recipe_of_the_texts_overrides_an_edited_constant_aloud(tmp_path, capsys):
    content = {"recipe": "thesis", "sha256": "", "settings": {}, "flags": {}, "task": {}}
    files.write_json(tmp_path / "artifacts" / manifest.DESCRIPTION, {"schema": folder.SCHEMA, **content})
    script = edited(tmp_path, PRUNING, LEARNING_RATE="0.1", FINAL_SPARSITY="0.5")
    settings = cli.settings(script, ["--artifacts", str(tmp_path / "artifacts")])
    assert settings.recipe == "thesis" and settings.learning_rate == 0.001 and settings.final_sparsity == 0.5
    out = capsys.readouterr().out
    assert "recipe thesis: EPOCHS = 3, LEARNING_RATE = 0.001, SCHEDULE = 'constant'" in out
    assert "note: recipe thesis sets LEARNING_RATE = 0.001 over the edited 0.1; --learning-rate 0.1 keeps it" in out
    assert "FINAL_SPARSITY" not in out.splitlines()[-1]


def test_help_lists_every_constant_with_its_reason():
    environment = {**os.environ, "COLUMNS": "400"}  # no line broken
    command = [sys.executable, PRUNING, "--help"]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=100)
    assert "--final-sparsity" in shown.stdout and "the study's" in shown.stdout
    assert f"Command  python {PRUNING}" in shown.stdout
    words = " ".join(shown.stdout.split())
    assert "(default: 0.8; from 0 to 0.99)" in words and "{constant,cosine}" in words and "--no-deployment" in words
    for name, constant in script_constants(ROOT / PRUNING).items():
        assert f"--{name.lower().replace('_', '-')}" in words and " ".join(constant.text.split()) in words


# What a result remembers


def test_a_changed_constant_is_told_from_a_changed_flag(tmp_path):
    settings = cli.settings(load_stage(DISTILLATION).__file__, ["--recipe", "default", "--epochs", "7", "--artifacts", "x"])
    facts = cli.recorded(settings)
    assert facts["flags"] == {"recipe": "default", "epochs": 7} and "artifacts" not in facts["settings"]
    assert cli.changed_settings(ROOT / DISTILLATION, facts) == []
    later = stages_with(tmp_path / "later", DISTILLATION, "ALPHA", "0.25") / DISTILLATION
    assert cli.changed_settings(later, facts) == ["--alpha is 0.25 now, was 0.5"]
    later = stages_with(tmp_path / "flag", DISTILLATION, "EPOCHS", "9") / DISTILLATION
    assert cli.changed_settings(later, facts) == []  # the flag still sets it
    later = stages_with(tmp_path / "costs", QUANTIZATION, "LATENCY_REVIEWS", "20") / QUANTIZATION
    assert cli.changed_settings(later, cli.recorded(cli.settings(load_stage(QUANTIZATION).__file__, []))) == []


def test_a_command_line_repeats_the_flags_of_a_run():
    flags = {"epochs": 3, "keep_best": False, "use_unlabelled": True, "teacher": "a + b", "fresh": True, "artifacts": "y"}
    line = manifest.command(DISTILLATION, "my folder", flags)
    assert line == f"python {DISTILLATION} --artifacts 'my folder' --epochs 3 --no-keep-best --use-unlabelled --teacher 'a + b'"
    assert manifest.command(PRUNING, manifest.DEFAULT_FOLDER) == f"python {PRUNING}"
    words = manifest.words(DISTILLATION, "my folder", {**flags, "recipe": "default"})
    settings = cli.settings(load_stage(DISTILLATION).__file__, words[1:])
    assert (settings.epochs, settings.keep_best, settings.teacher, settings.fresh) == (3, False, "a + b", False)
