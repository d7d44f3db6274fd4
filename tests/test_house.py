"""The house: public names, arrows that point down, cheap imports, no file that is two."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import impl
import theorems
from theorems import moved

ROOT = Path(theorems.__file__).parent.parent
ROOMS = [
    "theorems.alias",
    "theorems.moved",
    "impl.errors",
    "impl.numbers",
    "impl.instances",
    "impl.networks",
    "impl.slopes",
    "impl.heads",
    "impl.kernel_flows",
    "impl.preconditioning",
    "impl.function_space",
    "impl.feature_learning",
    "impl.gram_hierarchy",
    "impl.strategies",
    "impl.generic",
    "impl.symbolic",
    "impl.experiments",
    "theorems.papers",
    "theorems.related",
    "theorems.identities",
    "theorems.verdict",
    "theorems.files",
    "theorems.exits",
    "theorems.statements",
    "theorems.witness",
    "theorems.relations",
    "theorems.stacks",
    "theorems.variants",
    "theorems.claim",
    "theorems.stating",
    "theorems.loading",
    "theorems.domains",
    "theorems.kernel_flow",
    "theorems.preconditioning",
    "theorems.function_space",
    "theorems.feature_learning",
    "theorems.gram_hierarchy",
    "theorems.catalogue",
    "theorems.errata",
    "theorems.proving",
    "theorems.checking",
    "theorems.planting",
    "theorems.pictures",
    "theorems.own",
    "theorems.counterexamples",
    "theorems.evidence",
    "theorems.experiments",
    "theorems.sweeping",
    "theorems.report",
    "theorems.commands",
    "theorems.pytest_plugin",
    "theorems.cli",
    "theorems.__main__",
]
"""Every folder and every file that stands by itself, from the ground up: each imports from itself
and from what stands before it.
"""
FACES = ("impl", "theorems", "theorems.named_impl")
"""What users import from: lazy tables of names, and no rooms."""
SEARCHES = (
    "theorems.checking.check",
    "theorems.checking.choices",
    "theorems.checking.drawing",
    "theorems.checking.falsifying",
    "theorems.checking.larger",
)
MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".")
    for package in ("impl", "theorems")
    for path in (ROOT / package).rglob("*.py")
    if "named_impl" not in path.name
)


def room(module):
    """The folder of a module below the top, or the file that stands by itself there."""
    return ".".join(module.removesuffix(".__init__").split(".")[:2])


def imports(module):
    """Every module of this project that ``module`` imports, also inside functions and for types
    alone.
    """
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "addresses are absolute"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    known = {name.removesuffix(".__init__") for name in MODULES}
    return {
        name.removeprefix("theorems.") if name.startswith("theorems.impl") else name
        for name in found
    } & known


def test_every_room_is_in_the_list_and_every_place_of_the_list_is_a_room():
    assert {room(module) for module in MODULES} - set(FACES) == set(ROOMS)
    assert len(set(ROOMS)) == len(ROOMS)


@pytest.mark.slow
@pytest.mark.parametrize("module", [m for m in MODULES if room(m) not in FACES])
def test_arrows_point_down(module):
    place = ROOMS.index(room(module))
    above = {
        name
        for name in imports(module)
        if room(name) not in FACES and ROOMS.index(room(name)) > place
    }
    assert not above, f"{module} stands below what it imports; see ROOMS"


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.startswith("impl.") and room(m) not in FACES]
)
def test_ground_floor_never_looks_up(module):
    assert not [name for name in imports(module) if name.startswith("theorems")]


@pytest.mark.parametrize("old", sorted(moved.ADDRESSES))
def test_an_old_address_is_the_module_at_its_new_one(old):
    assert importlib.import_module(old) is importlib.import_module(moved.ADDRESSES[old])


@pytest.mark.slow
def test_an_old_address_below_impl_is_no_second_module():
    code = (
        "from impl.whitening import WeightStep; import impl, "
        "theorems.impl.feature_learning.whitening as new; print(WeightStep is new.WeightStep)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


def test_no_stranger_is_forwarded():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("falsifying")


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", [m for m in MODULES if not m.startswith("impl.strategies") and m not in SEARCHES]
)
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
        assert id(node) in guarded or not any(
            name.split(".")[0] == "hypothesis" for name in names
        ), module


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
    code = (
        "import sys, theorems; print('torch' in sys.modules, 'numpy' in sys.modules, "
        "'hypothesis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_two(module):
    assert len((ROOT / (module.replace(".", "/") + ".py")).read_text().splitlines()) <= 400


def test_every_claim_belongs_to_a_paper():
    for claim in theorems.CLAIMS:
        (paper,) = (p for p in theorems.PAPERS if p.arxiv == claim.source.arxiv)
        assert getattr(importlib.import_module(f"theorems.{paper.package}"), claim.name) is claim
