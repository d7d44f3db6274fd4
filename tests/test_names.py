"""`impl` is a common name: an installed suite and its plugin live in one process with a stranger's
package of that name.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import theorems

ROOT = Path(theorems.__file__).parent.parent
CHECK = """
import torch
from torch import nn
from theorems import check_model, feature_learning_equation

def found():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(5, 3).double(), torch.randn(5, 2).double()
    return check_model(model, x, y, nn.functional.mse_loss, claims=[feature_learning_equation])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The files of a wheel, as pyproject.toml lays them out."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(
        ROOT / "theorems", site / "theorems", ignore=shutil.ignore_patterns("__pycache__")
    )
    (site / "theorems" / "named_impl.py").rename(site / "impl.py")
    return site


@pytest.fixture
def python(installed, tmp_path):
    def run(*arguments):
        before = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        env = {**before, "PYTHONPATH": f"{tmp_path}{os.pathsep}{installed}", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def stranger(tmp_path):
    (tmp_path / "impl").mkdir()
    (tmp_path / "impl" / "__init__.py").write_text("answer = 42\n")
    (tmp_path / "impl" / "errors.py").write_text("mine = True\n")


@pytest.mark.slow
@pytest.mark.usefixtures("stranger")
def test_a_strangers_impl_is_left_alone_and_the_suite_runs(python):
    code, said = python(
        "-c",
        CHECK
        + "print([r.verdict.outcome.name for r in found()])\n"
        + "import impl, impl.errors, theorems.impl.errors\n"
        + "print(impl.answer, impl.errors.mine, theorems.impl.errors.InputError.__module__)\n",
    )
    assert code == 0, said
    assert "['HOLDS', 'HOLDS']" in said
    assert "42 True theorems.impl.errors" in said


@pytest.mark.slow
@pytest.mark.usefixtures("stranger")
def test_the_plugin_runs_beside_a_strangers_impl(python, tmp_path):
    (tmp_path / "test_mine.py").write_text(
        CHECK
        + (
            "def test_mine():\n    import impl\n    assert impl.answer == 42\n    assert "
            "all(r.verdict for r in found())\n"
        )
    )
    code, said = python(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py",
        "--claim", "feature_learning_equation", "--theorems-examples", "5",
    )  # fmt: skip
    assert code == 0, said
    assert "2 passed" in said


@pytest.mark.slow
def test_without_a_stranger_impl_is_ours(python):
    code, said = python(
        "-c",
        "import impl\nfrom impl import trace\nfrom impl.feature_learning.whitening import "
        "WeightStep\n"
        "import impl.strategies, theorems.impl.feature_learning.whitening\n"
        "print(impl is theorems.impl, WeightStep is "
        "theorems.impl.feature_learning.whitening.WeightStep)\n"
        "print(impl.strategies.__spec__.name, impl.__file__)\n",
    )
    assert code == 0, said
    assert "True True" in said
    assert "theorems.impl.strategies" in said
    assert "site" in said


def test_the_checkout_has_one_module_under_both_names():
    import impl
    import theorems.impl
    from impl.errors import InputError

    assert impl is theorems.impl
    assert InputError is theorems.impl.errors.InputError
    assert (ROOT / "theorems" / "impl").resolve() == ROOT / "impl"


def test_nothing_of_the_suite_asks_for_the_common_name():
    asking = [
        (path, line)
        for folder in ("theorems", "impl")
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(("from impl ", "from impl.", "import impl"))
    ]
    assert not asking
