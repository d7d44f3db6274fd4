"""Real models of other packages: deselected unless ``-m strangers`` asks for them."""

from importlib.util import find_spec

import pytest

from tests.strangers.setting import prepare

PACKAGES = (
    "diffusers",
    "lightning",
    "peft",
    "timm",
    "torch_geometric",
    "torchvision",
    "transformers",
)
if all(find_spec(name) for name in PACKAGES):
    prepare()
else:  # the extra is not installed: there is nothing to collect
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def calm(recwarn):
    """What the packages warn of is theirs."""
