"""Variational autoencoders of digits at several weights β of the divergence: how linear the pixels
are in the codes, and what is decoded between two codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, gelu

from theorems.impl.experiments.data import grey_digits
from theorems.impl.experiments.feature_runs import linearity
from theorems.impl.experiments.replicas import gathered, layers, permutations, source, train
from theorems.impl.experiments.runs import Array, Settings, rows

Affine: TypeAlias = tuple[Tensor, Tensor]
"""Weights (R, d_out, d_in) and biases (R, 1, d_out)."""

_MIXTURES = (0.25, 0.5, 0.75)


def _affine(seeds: Sequence[int], widths: Sequence[int], stream: str) -> list[Affine]:
    weights = layers(seeds, widths, gain=2.0, stream=stream)
    return [(w, torch.zeros(len(seeds), 1, w.shape[1])) for w in weights]


def _applied(stack: Sequence[Affine], inputs: Tensor) -> Tensor:
    """GELU between the layers, and none after the last."""
    for at, (weight, bias) in enumerate(stack):
        inputs = torch.baddbmm(bias, gelu(inputs) if at else inputs, weight.mT)
    return inputs


def divergence(means: Tensor, logs: Tensor) -> Tensor:
    """KL(N(μ, diag e^l) ‖ N(0, I)), the mean over samples, (R,): means and logs (R, N, k)."""
    return 0.5 * (logs.exp() + means.square() - 1 - logs).sum(2).mean(1)


def interpolation_error(decoder: Sequence[Affine], codes: Tensor, images: Tensor) -> Tensor:
    """Mean square of g(λz + (1 − λ)z′) − (λx + (1 − λ)x′) over neighbours in the batch and λ = ¼,
    ½, ¾, as a share of the pixels' variance, (R,).
    """
    others, partners = codes.roll(1, 1), images.roll(1, 1)
    errors = []
    for share in _MIXTURES:
        decoded = _applied(decoder, share * codes + (1 - share) * others).sigmoid()
        errors.append((decoded - share * images - (1 - share) * partners).square().mean((1, 2)))
    variance = (images - images.mean(1, keepdim=True)).square().mean((1, 2))
    return torch.stack(errors).mean(0) / variance


def vae_runs(seeds: Sequence[int], settings: Settings) -> dict[str, Array]:
    """Autoencoders at every β, from the same weights and with the same noise; measured on held-out
    digits.

    Two hidden GELU layers each way, pixels in 0 … 1, cross-entropy summed over pixels plus β times
    the divergence, full batch, Adam.

    Returns:
        over the ``betas``, (R, B): "linearity", TL of the pixels in the codes' means;
        "interpolation error"; "reconstruction error", a share of the pixels' variance too; the
        first two also with ", codes shuffled": those of other digits.
    """
    (images, _), (test, _) = grey_digits(seeds, settings["samples"], settings["tests"])
    width, latent = settings["width"], settings["latent"]
    order = permutations(seeds, settings["tests"], stream="shuffled codes")
    found: dict[str, list[Tensor]] = {}
    for beta in settings["betas"]:
        encoder = _affine(seeds, (images.shape[2], width, width, 2 * latent), "encoder")
        decoder = _affine(seeds, (latent, width, width, images.shape[2]), "decoder")
        sources = [source(seed, "codes") for seed in seeds]

        def loss(
            _: int, e: list[Affine] = encoder, d: list[Affine] = decoder, b: float = beta, s: list[torch.Generator] = sources  # noqa: E501
        ) -> Tensor:  # fmt: skip
            means, logs = _applied(e, images).split(latent, 2)
            drawn = torch.stack([torch.randn(means.shape[1:], generator=one) for one in s])
            logits = _applied(d, means + drawn * (logs / 2).exp())
            missed = binary_cross_entropy_with_logits(logits, images, reduction="none")
            return missed.sum(2).mean(1) + b * divergence(means, logs)

        train(
            [part for pair in (*encoder, *decoder) for part in pair],
            loss,
            lambda parameters: torch.optim.Adam(parameters, lr=settings["adam"]),
            steps=settings["steps"],
        )
        codes = _applied(encoder, test)[..., :latent]
        missed = (_applied(decoder, codes).sigmoid() - test).square().mean((1, 2))
        variance = (test - test.mean(1, keepdim=True)).square().mean((1, 2))
        seen = {"reconstruction error": missed / variance}
        for suffix, own in (("", codes), (", codes shuffled", gathered(codes, order))):
            seen[f"linearity{suffix}"] = linearity(test, own)
            seen[f"interpolation error{suffix}"] = interpolation_error(decoder, own, test)
        for name, value in seen.items():
            found.setdefault(name, []).append(value.double())
    return {name: rows(torch.stack(parts, 1)) for name, parts in found.items()}
