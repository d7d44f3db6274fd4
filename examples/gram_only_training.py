"""200 steps of real training of a 784-1024-1024-10 network, each held against its Gram-only
prediction.

Run it: ``python examples/gram_only_training.py [steps] [width]``. Every step must agree with Z ← (1
− ηλ)Z − ηG_P∇_Z to the derived rounding bound; the run that gets Z(0) and the Gram matrices, and
noise for its inputs, drifts by what the last line says.
"""

from __future__ import annotations

import sys
import time

import torch
from torch import nn

from impl import FirstLayerTraining
from theorems import gram_sufficiency_at_inference, gram_sufficiency_in_training

CHUNK = 4
"""Steps per instance: the weights before and after each of them are kept."""


def main(steps: int = 200, width: int = 1024, rows: int = 32) -> None:
    """Train and judge, chunk by chunk."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, width),
        nn.ReLU(),
        nn.LayerNorm(width),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 10),
    ).double()
    inputs, labels = torch.randn(rows, 784).double(), torch.randint(0, 10, (rows,))
    covariance = torch.cat([inputs, torch.ones(rows, 1)], 1)
    covariance = covariance.mT @ covariance / rows
    inverse = torch.linalg.inv(covariance + 0.1 * torch.eye(785).double())
    matrices = [(inverse + inverse.mT) / 2, torch.eye(785).double()]
    training = FirstLayerTraining(
        model,
        inputs,
        labels,
        nn.functional.cross_entropy,
        preconditioner=lambda t: matrices[t // CHUNK % 2],
        rate=0.05,
        decay=0.01,
        rest="adam",
        rest_rate=1e-3,
    )
    worst, begin, last = 0.0, time.monotonic(), None
    for _ in range(0, steps, CHUNK):
        last = training.run(CHUNK)
        verdict = gram_sufficiency_in_training(last)
        if not verdict:
            raise SystemExit(repr(verdict))
        worst = max(worst, verdict.ratio)
    assert last is not None
    with torch.no_grad():
        loss = float(nn.functional.cross_entropy(training.model(inputs), labels))
    print(
        f"{training.taken} steps of 784-{width}-{width}-10, {rows} rows, P changing: every "
        "step HOLDS"
    )
    print(f"largest residual over bound {worst:.3g}; {time.monotonic() - begin:.0f} s")
    print(
        f"drift of the Gram-only run: {last.drift:.3g} of ‖Z‖; loss {loss:.3g}; inference: "
        f"{gram_sufficiency_at_inference(last).outcome.name}"
    )


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]))
