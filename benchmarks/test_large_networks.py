"""A ResNet-50 (25.6 million parameters, BatchNorm, skips) on 256 images, checked whole: time,
memory, and all layers green.
"""

from __future__ import annotations

import resource

import torch
from torch import Tensor, nn
from torch.nn import functional

from theorems import Outcome
from theorems.own.models import check_model


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1, each with BatchNorm, around a skip."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        """Four times ``width`` channels come out."""
        super().__init__()
        out = 4 * width
        self.a, self.na = nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.b, self.nb = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.c, self.nc = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        wider = nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
        self.skip = nn.Identity() if channels == out and stride == 1 else nn.Sequential(*wider)

    def forward(self, x: Tensor) -> Tensor:
        """The skip passes by all three."""
        y = functional.relu(self.na(self.a(x)))
        y = functional.relu(self.nb(self.b(y)))
        return functional.relu(self.nc(self.c(y)) + self.skip(x))


class ResNet50(nn.Module):
    """He et al. (2016), with the stem for large images."""

    def __init__(self, classes: int = 1000) -> None:
        """Sixteen blocks."""
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks, channels = [], 64
        for width, number, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for k in range(number):
                blocks.append(Bottleneck(channels, width, stride if k == 0 else 1))
                channels = 4 * width
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))


def resnet(size: int = 32, images: int = 256) -> tuple[nn.Module, Tensor, Tensor, nn.Module]:
    """A factory: ``theorems check --model benchmarks/test_large_networks.py:resnet --double
    --threads 1``.
    """
    torch.manual_seed(0)
    return (
        ResNet50(),
        torch.randn(images, 3, size, size),
        torch.randint(1000, (images,)),
        nn.CrossEntropyLoss(),
    )


def test_resnet_50_on_256_images(benchmark):
    """Under two minutes and under 6 GiB; every layer holds in float64."""
    results = benchmark.pedantic(
        lambda: check_model(*resnet(), double=True), rounds=1, iterations=1
    )
    outcomes = {r.verdict.outcome for r in results}
    benchmark.extra_info["largest GiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    assert outcomes <= {Outcome.HOLDS, Outcome.INAPPLICABLE}
    held = [r for r in results if r.claim.name == "feature_learning_equation" and r.verdict]
    assert len(held) == 54
