"""Networks and batches on which tangent kernels are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from impl import NetworkSpec, build


@dataclass(frozen=True)
class Case:
    """A network and its batch; ``widths`` of a perceptron, None of another network."""

    name: str
    model: nn.Sequential
    inputs: Tensor
    widths: tuple[int, ...] | None = None

    @property
    def outputs(self) -> int:
        """C."""
        return self.model[-1].out_features

    @property
    def jacobian_bytes(self) -> int:
        """Of one number for every sample, output and parameter."""
        parameters = sum(p.numel() for p in self.model.parameters())
        return len(self.inputs) * self.outputs * parameters * self.inputs.element_size()

    def of(self, dtype: torch.dtype, samples: int | None = None) -> Case:
        """The same in another number format, or of its first samples alone."""
        import copy

        model = copy.deepcopy(self.model).to(dtype)
        return replace(self, model=model, inputs=self.inputs[:samples].to(dtype).clone())


def _case(
    name: str, model: nn.Sequential, *shape: int, widths: tuple[int, ...] | None = None
) -> Case:
    inputs = torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Case(name, model.double(), inputs, widths)


def mlp(samples: int, width: int, outputs: int = 10, depth: int = 4) -> Case:
    """A ReLU network of ``depth`` linear layers with biases."""
    spec = NetworkSpec(widths=(width,) * depth, bias=True, classes=outputs, scale=2**0.5)
    name = f"MLP, N={samples}, width {width}"
    return _case(name, build(spec), samples, width, widths=(*spec.widths, outputs))


def lenet(samples: int = 64, outputs: int = 10) -> Case:
    """LeNet-5 (LeCun et al. 1998) with ReLU, on 3×16×16 images: two convolutions, three linear
    layers.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 6, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(64, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, outputs),
        )
    return _case(f"LeNet, N={samples}, 3×16×16", model, samples, 3, 16, 16)


def all_convolutional(samples: int = 64, outputs: int = 10) -> Case:
    """Three convolutions of 16 channels, two of them strided, and a linear readout: hardly anything
    but convolutions.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Flatten(), nn.Linear(256, outputs),
        )  # fmt: skip
    return _case(f"all-convolutional, N={samples}, 3×16×16", model, samples, 3, 16, 16)
