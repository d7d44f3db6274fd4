"""What `impl.tangent_kernel` cannot do, and how it says so."""

import pytest
import torch
from torch import nn

from impl import InputError, tangent_kernel

N = 5


class Mixing(nn.Module):
    """Subtracts the batch mean by hand."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        h = self.a(x)
        return self.b(h - h.mean(0))


class SequenceFirst(nn.Module):
    """Moves samples to the second dimension, the sequence being as long as the batch."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x.transpose(0, 1)).transpose(0, 1).tanh().sum(1)


class OnSharedData(nn.Module):
    """A layer that reads a parameter, the same for all samples."""

    def __init__(self):
        super().__init__()
        self.table, self.fc = nn.Parameter(torch.randn(2, 3)), nn.Linear(3, 3)

    def forward(self, x):
        return x @ self.fc(self.table).mT


class Squaring(nn.Linear):
    def forward(self, x):
        return super().forward(x * x)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x):
        return self.a(x), self.b(x)


def hooked():
    model = nn.Sequential(nn.Linear(3, 2))
    model[0].register_forward_hook(lambda _m, _i, out: 2 * out)
    return model


def infinite():
    model = nn.Sequential(nn.Linear(3, 2))
    nn.init.constant_(model[0].weight, float("inf"))
    return model


def plain():
    return nn.Sequential(nn.Linear(3, 2))


BAD = [
    pytest.param(
        lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)),
        {},
        r"BatchNorm1d "
        r"'1'.*model\.eval\(\)",
        id="train mode",
    ),
    pytest.param(
        lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)).eval(),
        {},
        "batch statistics",
        id="no running statistics",
    ),
    pytest.param(Mixing, {}, "one by one.*layer 'a'", id="mixes samples"),
    pytest.param(
        SequenceFirst, {"inputs": torch.randn(4, 4, 3)}, "batch_first=True", id="sequence first"
    ),
    pytest.param(OnSharedData, {}, "got 2 rows for 5 samples", id="layer on shared data"),
    pytest.param(
        lambda: nn.Sequential(Squaring(3, 2)),
        {},
        "layer '0' to compute Linear.*Squaring",
        id="not linear",
    ),
    pytest.param(TwoHeads, {}, "one tensor.*got tuple", id="two heads"),
    pytest.param(
        infinite, {}, "expected finite numbers in parameter '0.weight'", id="infinite weight"
    ),
    pytest.param(nn.ReLU, {}, "nn.Linear or nn.Conv layers, got one of ReLU", id="no layers"),
    pytest.param(int, {}, "expected a torch nn.Module", id="no module"),
    pytest.param(plain, {"inputs": torch.ones(0, 3)}, "at least one sample", id="empty batch"),
    pytest.param(plain, {"inputs": torch.ones(5, 4)}, "the model accepts, got", id="wrong width"),
    pytest.param(
        plain,
        {"inputs": torch.ones(5, 3, dtype=torch.long)},
        "floating-point inputs",
        id="integers",
    ),
    pytest.param(plain, {"outputs": "diagonal"}, "outputs='diagonal'", id="unknown outputs"),
    pytest.param(
        plain, {"layers": ["fc7"]}, r"layers among '0', got \['fc7'\]", id="unknown layer"
    ),
    pytest.param(plain, {"chunk": 0}, "chunk=0", id="empty chunk"),
    pytest.param(lambda: nn.Linear(3, 0), {}, "expected", id="no outputs"),
]


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize(("make", "options", "message"), BAD)
def test_says_what_it_cannot_do(make, options, message):
    torch.manual_seed(0)
    options = {"inputs": torch.randn(N, 3)} | options
    with pytest.raises(InputError, match=message):
        tangent_kernel(make(), **options)


def test_layers_that_are_not_called():
    model = plain()
    model.spare = nn.Linear(1, 1)
    model.forward = model[0].__call__
    assert list(tangent_kernel(model, torch.ones(N, 3)).terms) == ["0"]
    with pytest.raises(InputError, match=r"layers that the model calls, got \['spare'\]"):
        tangent_kernel(model, torch.ones(N, 3), layers=["spare"])


def test_both_batches_must_fit():
    class Growing(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(x).flatten(1)

    with pytest.raises(InputError, match="as many outputs on both batches, got 2 and 8"):
        tangent_kernel(Growing(), torch.ones(2, 3), torch.ones(2, 4, 3))
