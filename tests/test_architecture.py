"""The shape of the code: folders in layers, no circles, nothing too long, no name twice, and light where it must be."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import ROOT, STAGES

import sentipress
from sentipress.core import manifest
from sentipress.pipeline import dvc

PACKAGE = ROOT / "sentipress"
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
FRONT = "sentipress.__init__"  # `load`, for programs of others; it stands before all layers and imports when it is asked
SCRIPTS = [path for place in (".", "benchmarks", "demo") for path in sorted((ROOT / place).glob("*.py"))]
MOST_LINES, MOST_LINES_OF_A_CLASS = 400, 250


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in it the import stands."""
    found = set()
    for node in ast.walk(parsed(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found |= {name for name in names if name in MODULES}
    # A line in a string that is run later, as by `-c` or importlib.
    found |= {node.value for node in ast.walk(parsed(path)) if isinstance(node, ast.Constant) and str(node.value) in MODULES}
    return found


def layer(module: str) -> str:
    return module.split(".")[1]


def test_every_folder_of_the_package_is_a_layer():
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == set(sentipress.LAYERS) and len(set(sentipress.LAYERS)) == len(sentipress.LAYERS)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


def test_a_folder_imports_only_from_those_before_it():
    order = {name: number for number, name in enumerate(sentipress.LAYERS)}
    upwards = [
        f"{module} imports {other}"
        for module, path in MODULES.items()
        for other in imports(path)
        if module != FRONT and order[layer(other)] > order[layer(module)]
    ]
    assert upwards == []
    assert sum(len(imports(path)) for path in MODULES.values()) > 200  # the test sees imports


def test_no_module_imports_itself_by_way_of_others():
    graph = {module: imports(path) - {module} for module, path in MODULES.items()}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way[way.index(module) :], module))
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*way, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_no_module_and_no_class_is_too_long():
    too_long = []
    for path in (*MODULES.values(), *SCRIPTS, *(ROOT / "tests").glob("*.py")):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        limit = MOST_LINES if path.parent.name != "tests" or not path.name.startswith("test_") else 2 * MOST_LINES
        too_long += [f"{path.relative_to(ROOT)}: {lines} lines"] if lines > limit else []
        classes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.ClassDef)]
        sizes = {node.name: node.end_lineno - node.lineno + 1 for node in classes}
        too_long += [f"{path.relative_to(ROOT)}: {name}, {size}" for name, size in sizes.items() if size > MOST_LINES_OF_A_CLASS]
    assert too_long == []


def test_no_two_modules_have_one_name():
    """A script's own folder comes first on its path: `import faults` would find the script itself."""
    names = Counter(path.stem for path in (*MODULES.values(), *SCRIPTS, *(ROOT / "tests").glob("*.py")) if path.stem != "__init__")
    assert {name for name, count in names.items() if count > 1} == set()


def test_every_module_says_what_it_is_for():
    for path in (*MODULES.values(), *SCRIPTS):
        assert ast.get_docstring(parsed(path)), path


# The manifest


def test_the_manifest_is_of_the_scripts_that_are_there():
    assert manifest.LSTM.scripts == STAGES and all((ROOT / script).is_file() for script in STAGES)
    rows = [row for stage in manifest.LSTM.stages for row in stage.rows]
    assert len({row.name for row in rows}) == len(rows) and manifest.BASE in rows
    others = [row.order for row in rows if not row.name.startswith(manifest.TAUGHT)]  # those stand together, by their names
    assert len(set(others)) == len(others)
    made: set[str] = set()
    for stage in manifest.LSTM.stages:
        assert set(stage.reads) <= made, f"{stage.script} reads what no stage before it writes"
        assert set(stage.usual) <= {row.name for row in stage.rows} and set(stage.usual_rows) <= set(stage.rows)
        made |= {*stage.writes, *(row.file for row in stage.usual_rows)}


def test_dvc_yaml_is_made_from_the_manifest():
    assert (ROOT / "dvc.yaml").read_text(encoding="utf-8") == dvc.text()


# What is loaded


def loaded_after(code: str) -> set[str]:
    """Modules that a fresh process has loaded after some code."""
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert shown.returncode == 0, shown.stderr
    return set(shown.stdout.splitlines()[-1].split())


def test_a_keras_file_opens_and_runs_without_tensorflow_model_optimization(run):
    loaded = loaded_after(
        "from pathlib import Path; from sentipress.runtimes import registry; "
        f"print(registry.open_model(Path({str(run / 'modelo_base.keras')!r})).predict_raw(['a good film']))"
    )
    assert "tensorflow" in loaded and not {name for name in loaded if name.startswith("tensorflow_model_optimization")}


@pytest.mark.parametrize("script", [*STAGES, "ask.py", "predict.py", "compare.py", "report.py"])
def test_a_script_imports_nothing_heavy_at_its_top(script):
    """What `--help`, a test or another script loads: the standard library and the project's own errors."""
    top = [node for node in parsed(ROOT / script).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in top] in ([], ["from sentipress.core.errors import exit_code"])


def test_importing_the_scripts_runs_nothing_and_loads_no_tensorflow():
    loaded = loaded_after(
        "import sys; sys.path.insert(0, 'tests'); from conftest import load_stage, STAGES\n"
        "for name in (*STAGES, 'ask.py', 'predict.py', 'compare.py', 'report.py'): load_stage(name)"
    )
    assert "tensorflow" not in loaded and "matplotlib" not in loaded
