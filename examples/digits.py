"""A small ReLU network trained on scikit-learn's digits, for ``theorems check --model
examples/digits.py:trained``.

One convolution, then a stack of bias-free linear layers with a readout: so every claim about
layers, features and stacks applies.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from impl.networks.data import digits


def network() -> nn.Sequential:
    """Convolution, two bias-free hidden layers, readout."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 48, bias=False),
        nn.ReLU(),
        nn.Linear(48, 32, bias=False),
        nn.ReLU(),
        nn.Linear(32, 10),
    )


def train(*, steps: int = 300, seed: int = 0) -> nn.Sequential:
    """The network after ``steps`` of Adam on batches of 128 of the first 1500 digits, float64."""
    images, labels = digits(1500)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = network().double()
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
        for _ in range(steps):
            chosen = torch.randint(len(images), (128,))
            loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model


def trained(dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor, Tensor, nn.Module]:
    """The trained network, 64 digits that it has not seen, their labels, and its loss."""
    images, labels = digits()
    return train().to(dtype), images[1500:1564].to(dtype), labels[1500:1564], nn.CrossEntropyLoss()


def trained_float32() -> tuple[nn.Module, Tensor, Tensor, nn.Module]:
    """The same network and batch in float32."""
    return trained(torch.float32)


def decayed(
    *, steps: int = 1_000, decay: float = 1e-2, batch_size: int = 64, seed: int = 0
) -> dict[str, Any]:
    """64 → ReLU → linear → readout under weight decay, for the claims about ranks: a factory that
    says how the network is trained.
    """
    images, labels = digits(600)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 24), nn.Linear(24, 10)
        ).double()
        optimiser = torch.optim.SGD(model.parameters(), lr=0.2, weight_decay=decay)
        for _ in range(steps):
            chosen = torch.randint(len(images), (batch_size,))
            optimiser.zero_grad()
            functional.cross_entropy(model(images[chosen]), labels[chosen]).backward()
            optimiser.step()
    return {
        "model": model,
        "inputs": images[:128],
        "targets": labels[:128],
        "loss": functional.cross_entropy,
        "decay": decay,
        "batch_size": batch_size,
    }


if __name__ == "__main__":
    model, images, labels, _ = trained()
    with torch.no_grad():
        accuracy = (model(images).argmax(1) == labels).double().mean()
    print(f"accuracy on unseen digits: {accuracy:.3f}")
