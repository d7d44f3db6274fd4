"""Networks of fixed size that checks and watches are timed on, with a batch and a loss each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

Task: TypeAlias = tuple[nn.Module, Tensor, Tensor, Callable[[Any, Any], Tensor]]


def _task(model: nn.Module, inputs: Tensor, classes: int) -> Task:
    return model, inputs, torch.arange(len(inputs)) % classes, nn.CrossEntropyLoss()


def _normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def mlp() -> Task:
    """Four layers of width 64."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Linear(64, 64), nn.ReLU()]
    return _task(nn.Sequential(*layers, nn.Linear(64, 10)), _normal(32, 64), 10)


def lenet() -> Task:
    """LeNet-5 with ReLU, on 28 × 28 images."""
    torch.manual_seed(0)
    layers = (
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    return _task(nn.Sequential(*layers), _normal(32, 1, 28, 28), 10)


class LSTM(nn.Module):
    """Two layers of 64 cells, and a readout of the last step."""

    def __init__(self) -> None:
        """Inputs of width 32."""
        super().__init__()
        self.cells, self.readout = nn.LSTM(32, 64, 2, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Of the last step."""
        out: Tensor = self.readout(self.cells(x)[0][:, -1])
        return out


def lstm() -> Task:
    """Twenty steps."""
    torch.manual_seed(0)
    return _task(LSTM(), _normal(16, 20, 32), 10)


class Block(nn.Module):
    """Two convolutions around a skip."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        """Without biases, with norms."""
        super().__init__()
        self.a, self.na = nn.Conv2d(channels, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.b, self.nb = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        wider = nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
        self.skip = nn.Identity() if channels == out and stride == 1 else nn.Sequential(*wider)

    def forward(self, x: Tensor) -> Tensor:
        """The skip passes by both."""
        y = functional.relu(self.na(self.a(x)))
        return functional.relu(self.nb(self.b(y)) + self.skip(x))


class ResNet18(nn.Module):
    """He et al. (2016) for small images, its first width 16."""

    def __init__(self, width: int = 16) -> None:
        """Four stages of two blocks."""
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        blocks, channels = [], width
        for stage in range(4):
            for block in range(2):
                out = width * 2**stage
                blocks.append(Block(channels, out, 2 if stage and not block else 1))
                channels = out
        self.blocks, self.readout = nn.Sequential(*blocks), nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Pooled over the image."""
        x = self.blocks(functional.relu(self.norm(self.stem(x))))
        out: Tensor = self.readout(x.mean((2, 3)))
        return out


def resnet18() -> Task:
    """Sixteen images of 32 × 32."""
    torch.manual_seed(0)
    return _task(ResNet18(), _normal(16, 3, 32, 32), 10)


class Transformer(nn.Module):
    """An encoder, and a readout of the mean over tokens."""

    def __init__(self, layers: int = 12, width: int = 128, words: int = 100) -> None:
        """Norms first, no dropout."""
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, 32, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.readout = nn.Linear(width, words)

    def forward(self, x: Tensor) -> Tensor:
        """One answer per text."""
        out: Tensor = self.readout(self.encoder(self.embedding(x) + self.positions)).mean(1)
        return out


def transformer() -> Task:
    """Twelve layers of width 128 on eight texts of 32 tokens."""
    torch.manual_seed(0)
    words = torch.randint(100, (8, 32), generator=torch.Generator().manual_seed(1))
    return _task(Transformer(), words, 100)


NETWORKS: dict[str, Callable[[], Task]] = {
    "mlp": mlp,
    "lenet": lenet,
    "lstm": lstm,
    "resnet18": resnet18,
    "transformer": transformer,
}
