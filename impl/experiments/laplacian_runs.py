"""The Laplacian model of self-supervision on digits: free features under tr(LK) + μ tr K − β
logdet(K + εI), beside the same features trained on labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from theorems.impl.experiments.data import digit_split, onehot
from theorems.impl.experiments.kernel_runs import directions, start, supervised
from theorems.impl.experiments.replicas import gathered, permutations, train
from theorems.impl.experiments.runs import Array, Settings, rows


def laplacian(inputs: Tensor) -> Tensor:
    """I − D^{-½} S D^{-½} of the Gaussian similarities of inputs (R, N, d), (R, N, N), float64; the
    scale of a replica is its median squared distance.
    """
    inputs = inputs.double()
    distances = torch.cdist(inputs, inputs).square()
    scale = distances.flatten(1).median(1).values[:, None, None]
    similar = torch.exp(-4 * distances / scale)
    roots = similar.sum(2).rsqrt()
    return torch.eye(inputs.shape[1], dtype=torch.float64) - (
        roots[:, :, None] * similar * roots[:, None, :]
    )


def diagonal_share(kernel: Tensor, basis: Tensor) -> Tensor:
    """How diagonal a kernel is in the eigenvectors of a Laplacian, in columns of an (R, N, N), the
    first one apart, which is nearly constant for every graph, (R,).

    Of K in the others less its mean eigenvalue, the share of the square that is on the diagonal:
    about 2/N of a random one.
    """
    turned = basis[..., 1:].mT @ kernel @ basis[..., 1:]
    values = turned.diagonal(dim1=1, dim2=2)
    mean = values.mean(1)
    others = turned.square().sum((1, 2)) - values.square().sum(1)
    own = (values - mean[:, None]).square().sum(1)
    return own / (own + others)


def laplacian_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """One set of free features, trained on labels under decay, and without labels on the Laplacian
    of the digits' similarities.

    Returns:
        "directions, ARM", (R, K), for "supervised", "Laplacian", "no expansion" (β = 0) and
        "another graph" (its nodes in another order); of the last three "aligned, ARM", (R, K): the
        share of K that is diagonal in the eigenvectors of the true Laplacian.
    """
    (inputs, labels), _ = digit_split(seeds, settings["samples"], 0)
    targets, count, steps = onehot(labels), settings["samples"], settings["steps"]
    graph = laplacian(inputs)
    other = laplacian(gathered(inputs, permutations(seeds, count, stream="another graph")))
    basis = torch.linalg.eigh(graph)[1]
    at = [round(steps * k / settings["looks"]) for k in range(settings["looks"] + 1)]
    ranks: list[Tensor] = []
    supervised(
        "free features",
        seeds,
        settings,
        inputs,
        targets,
        decay=settings["decay"],
        look=lambda weights: ranks.append(directions(weights[0], settings["share"])),
    )
    found = {"directions, supervised": rows(torch.stack(ranks, 1))}
    identity = torch.eye(count, dtype=torch.float64)
    arms = {
        "Laplacian": (graph, settings["drive"]),
        "no expansion": (graph, 0.0),
        "another graph": (other, settings["drive"]),
    }
    for arm, (smooth, drive) in arms.items():
        # the features before any training, those of the supervised arm
        features = start("free features", seeds, settings, 0, targets.shape[2])[0].double()
        counted: list[Tensor] = []
        aligned: list[Tensor] = []

        def energy(
            _: int, phi: Tensor = features, smooth: Tensor = smooth, drive: float = drive
        ) -> Tensor:
            kernel = phi @ phi.mT
            held = (smooth * kernel).sum((1, 2)) + settings["pull"] * phi.square().sum((1, 2))
            if drive == 0:
                return held
            return held - drive * torch.logdet(kernel + settings["floor"] * identity)

        def look(
            _: int, phi: Tensor = features, a: list[Tensor] = counted, b: list[Tensor] = aligned
        ) -> None:
            a.append(directions(phi, settings["share"]))
            b.append(diagonal_share(phi @ phi.mT, basis))

        train(
            [features],
            energy,
            lambda parameters: torch.optim.SGD(parameters, lr=settings["step"]),
            steps=steps,
            look=look,
            at=at,
        )
        found[f"directions, {arm}"] = rows(torch.stack(counted, 1))
        found[f"aligned, {arm}"] = rows(torch.stack(aligned, 1))
    return found
