"""The house: public names, arrows that point down, cheap imports, no file that is two."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import impl
import theorems

ROOT = Path(theorems.__file__).parent.parent
ROOF = (
    "theorems.checking",
    "theorems.factories",
    "theorems.fewer",
    "theorems.evidence.model_table",
    "theorems.searching.choices",
    "theorems.searching.drawing",
    "theorems.evidence.collected",
    "theorems.evidence.measures",
    "theorems.searching.larger",
    "theorems.searching.falsifying",
    "theorems.searching.planting",
    "theorems.searching.auditing",
    "theorems.searching.audit_tables",
    "theorems.models",
    "theorems.monitor",
    "theorems.places",
    "theorems.evidence.tables",
    "theorems.evidence.lines",
    "theorems.evidence.partial",
    "theorems.__main__",
    "theorems.cli",
    "theorems.catalogue",
    "theorems.commands",
    "theorems.errata",
    "theorems.experiments",
    "theorems.pictures",
    "theorems.evidence.file",
    "theorems.evidence.refutations",
    "theorems.evidence.badges",
    "theorems.evidence.contents",
    "theorems.evidence.controls",
    "theorems.evidence.summaries",
    "theorems.pytest_plugin",
    "theorems.report",
    "theorems.searching.betting",
    "theorems.sweeping",
)
SEARCHES = (
    "theorems.checking",
    "theorems.searching.choices",
    "theorems.searching.drawing",
    "theorems.searching.falsifying",
    "theorems.searching.larger",
)
MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
    for package in ("impl", "theorems")
    for path in (ROOT / package).rglob("*.py")
    if "named_impl" not in path.name
)


def imports(module):
    """Every module of this project that ``module`` imports, also inside functions."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = {name for name in found if name.split(".")[0] == "theorems"}
    return {name.removeprefix("theorems.") if name.startswith("theorems.impl") else name for name in ours}


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("impl")])
def test_ground_floor_never_looks_up(module):
    above = {name for name in imports(module) if name.split(".")[0] == "theorems"}
    # the face of the ground floor gives itself the common name
    assert above - {"theorems", "theorems.alias", "theorems.alias.give_impl"} == set()


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("theorems") and not m.startswith(ROOF)])
def test_nothing_below_imports_the_roof(module):
    assert not [name for name in imports(module) if name.startswith(ROOF)]


@pytest.mark.parametrize("module", [m for m in MODULES if not m.startswith("impl.strategies") and m not in SEARCHES])
def test_hypothesis_stays_in_the_strategies(module):
    source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
    tree = ast.parse(source)
    guarded = {id(n) for node in ast.walk(tree) if isinstance(node, ast.If) for n in ast.walk(node)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert id(node) in guarded or not any(name.split(".")[0] == "hypothesis" for name in names), module


@pytest.mark.parametrize("package", [impl, theorems])
def test_public_names_are_all_there(package):
    assert package.__all__
    assert sorted(package.__all__) == package.__all__
    for name in package.__all__:
        value = getattr(package, name)
        assert not isinstance(value, type(sys)), f"{name} is hidden by a module of the same name"


def test_every_claim_is_public_under_its_name():
    for claim in theorems.CLAIMS:
        assert getattr(theorems, claim.name) is claim
        assert claim.name in theorems.__all__


@pytest.mark.parametrize("module", MODULES)
def test_all_lists_what_the_module_has(module):
    loaded = importlib.import_module(module.removesuffix(".__init__"))
    if hasattr(loaded, "__all__"):
        assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_no_module_hides_a_name_that_it_exports(module):
    package, _, name = module.removesuffix(".__init__").rpartition(".")
    if package:
        assert name not in getattr(importlib.import_module(package), "__all__", ())


def test_importing_theorems_does_not_import_torch():
    code = "import sys, theorems; print('torch' in sys.modules, 'numpy' in sys.modules, 'hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_two(module):
    assert len((ROOT / (module.replace(".", "/") + ".py")).read_text().splitlines()) <= 300


def test_every_claim_belongs_to_a_paper():
    for claim in theorems.CLAIMS:
        (paper,) = (p for p in theorems.PAPERS if p.arxiv == claim.source.arxiv)
        assert getattr(importlib.import_module(f"theorems.{paper.package}"), claim.name) is claim
