"""What is imported where: declared dependencies only, in one direction, and no torch before lesson 06."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYPI_NAMES = {"PIL": "pillow", "IPython": "ipython", "yaml": "pyyaml", "sklearn": "scikit-learn"}


def declared(*extras):
    """The packages (PyPI's names) that pyproject.toml asks for."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def imports(*folders):
    """Third-party packages (PyPI's names) imported anywhere in the folders."""
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    own = [
        ROOT / "lab.py",
        *(path for folder in ("benchmarks", "dropout_lab", "tests", "tools") for path in (ROOT / folder).rglob("*.py")),
    ]
    ours = {path.parent.name if path.name == "__init__.py" else path.stem for path in own}
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    modules = {name.split(".")[0] for node in nodes for name in imported_names(node)}
    return {canonicalize_name(PYPI_NAMES.get(name, name)) for name in modules - sys.stdlib_module_names - ours}


def imported_names(node):
    """The modules that an import statement names; `from dropout_lab import masks` names dropout_lab.masks."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and not node.level and node.module:
        return [f"dropout_lab.{alias.name}" for alias in node.names] if node.module == "dropout_lab" else [node.module]
    return []


def test_all_that_the_package_imports_is_declared():
    assert imports("dropout_lab") <= declared("torch", "lab", "replications") | {"distributed"}  # a cluster is optional


def test_all_that_tests_and_tools_import_is_declared():
    by_hand = {"playwright"}  # tools/lab_smoke.py, which CONTRIBUTING.md says how to run
    assert imports("tests", "tools") - by_hand <= declared("torch", "lab", "replications", "dev")


def test_all_that_benchmarks_import_is_declared():
    assert imports("benchmarks") <= declared("torch", "benchmarks")


# A module imports from lower rows only, or from its own package.
LAYERS = (
    {"arguments"},
    {"masks", "arguments_noise", "arguments_sequence", "schedules", "data", "mnist_1d", "figures"},
    {"moments", "moments_noise", "moments_variational", "moments_fast", "moments_blocks", "ensembles"},
    {"numpy_layers", "torch_layers", "penalties"},
    {"widgets", "training"},
    {"uncertainty"},
    {"audit"},
    {"replications"},
    {"checks"},
)


def upward_imports(source, unit):
    """Return what a module of `unit`, dropout_lab's module or subpackage, imports from its own row or above."""
    row = {name: number for number, names in enumerate(LAYERS) for name in names}
    targets = (name.split(".") for node in ast.walk(ast.parse(source)) for name in imported_names(node))
    inner = {target[1] for target in targets if target[0] == "dropout_lab" and len(target) > 1}
    return {name for name in inner & row.keys() if name != unit and row[name] >= row[unit]}


MODULES = [path.relative_to(ROOT) for path in sorted((ROOT / "dropout_lab").rglob("*.py"))]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_imports_point_one_way(path):
    unit = path.with_suffix("").parts[1]
    source = (ROOT / path).read_text(encoding="utf-8")
    if unit == "__init__":
        assert "import" not in source.split('"""')[2]
    else:
        assert unit in set.union(*LAYERS), f"give {unit} a row in LAYERS"
        assert upward_imports(source, unit) == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from dropout_lab.training import fit", {"training"}),
        ("def f():\n    import dropout_lab.checks.api", {"checks"}),
        ("from dropout_lab import figures, widgets", {"widgets"}),
        ("from dropout_lab.numpy_layers import Linear", {"numpy_layers"}),
        ("from dropout_lab.masks import bernoulli_mask\nfrom dropout_lab.torch_layers.noise import draw", set()),
    ],
)
def test_a_planted_import_that_points_up_or_sideways_is_found(source, found):
    assert upward_imports(source, "torch_layers") == found


@pytest.mark.parametrize(
    "module",
    [
        "",
        ".masks",
        ".moments",
        ".numpy_layers",
        ".data",
        ".mnist_1d",
        ".figures",
        ".widgets",
        ".checks",
        ".training.numpy_loop",
    ],
)
def test_what_lessons_00_to_05_import_brings_no_torch(module):
    code = f"import sys, dropout_lab{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
