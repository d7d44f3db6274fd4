"""Real models of other packages: deselected unless ``-m strangers`` asks for them."""

import pytest

from tests.strangers.setting import prepare

prepare()


@pytest.fixture(autouse=True)
def calm(recwarn):
    """What the packages warn of is theirs."""
