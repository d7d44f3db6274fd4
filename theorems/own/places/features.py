"""Features inside a user's network, against its targets: target linearity, collapse, growth behind
a random readout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from theorems.impl.feature_learning.collapse import labelled_features
from theorems.impl.feature_learning.features import feature_set
from theorems.impl.feature_learning.readouts import (
    RandomReadout,
    class_readouts,
    noise_rate,
    readout_ensemble,
)
from theorems.impl.instances.instance import Instance
from theorems.impl.networks.tracing import LayerTrace
from theorems.own.places.subject import Places, Subject

LARGEST_FEATURES = 2**16
"""Entries of features, and of their targets, up to which ranks and projections are computed."""
LARGEST_ENSEMBLE = 2**23
"""Entries of all weight gradients behind an ensemble of readouts, or behind one that is drawn
thousands of times.
"""
NARROW = 8
"""Units of a layer from which on an ensemble may have an eighth of that, which is a second's
work.
"""
LARGEST_ROWS = 2**21
"""Entries of the features behind all readouts of an ensemble; of a larger batch the first samples
are taken.
"""
LARGEST_DRAWN = 2**23
"""The same behind readouts that are drawn, which are looked at a few at a time."""
FEWEST_ROWS = 16
"""Samples that are looked at in any case."""
REPLICATES, FEWEST = 4_000, 1_000
"""Readouts that are drawn, and how many a test needs to tell the mean growth from half of it."""


def _at_every_layer(
    subject: Subject,
    make: Callable[[LayerTrace, Tensor], Instance | str],
    most: Callable[[LayerTrace, int], int] | None = None,
) -> Places | str:
    """What ``make`` makes of every layer; of at most so many of its rows as ``most`` says, given
    the number of classes.
    """
    targets = subject.rows
    if isinstance(targets, str):
        return targets
    if targets.ndim == 1 and len(targets) * (int(targets.max()) + 1) > LARGEST_FEATURES:
        return (
            f"the targets hold the label {int(targets.max())}: too many classes for one-hot "
            f"rows{_advice(int(targets.max()) + 1)}"
        )
    found: Places = {}
    layers = subject.one_row_per_sample()
    for name, layer in layers.items():
        classes = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
        kept = (
            len(targets)
            if most is None
            else min(len(targets), max(FEWEST_ROWS, most(layer, classes)))
        )
        part = "" if kept == len(targets) else f", first {kept} samples"
        few = layer if not part else _first(layer, kept)
        if not (part and subject.later):
            found[name + part] = _features(few, targets[:kept], make)
    return found if layers else "no layer has one row per sample"


def _first(layer: LayerTrace, count: int) -> LayerTrace:
    """The layer on its first rows."""
    by_row = ("inputs", "input_grad", "output_grad", "outputs", "grad_magnitude")
    cut = {name: value[:count] for name in by_row if (value := getattr(layer, name)) is not None}
    return replace(layer, **cut)


def _features(
    layer: LayerTrace, targets: Tensor, make: Callable[[LayerTrace, Tensor], Instance | str]
) -> Instance | str:
    if not bool(layer.inputs.any()):
        return "its inputs are all zero: no unit below it is alive on this batch"
    if layer.inputs.numel() > LARGEST_FEATURES:
        return (
            f"its inputs have more than {LARGEST_FEATURES} entries, too many for exact "
            f"ranks{_advice(layer.inputs.shape[-1])}"
        )
    return make(layer, targets)


def _advice(width: int) -> str:
    """The batch that would do, if there is one of two samples at least."""
    most = LARGEST_FEATURES // width
    return f"; a batch of up to {most} samples would do" if most > 1 else ""


def feature_sets(subject: Subject) -> Places | str:
    """Features and targets wherever a layer has one row per sample."""
    return _at_every_layer(subject, lambda layer, targets: feature_set(layer.inputs, targets))


def collapsed_features(subject: Subject) -> Places | str:
    """Features and class labels wherever a layer has one row per sample; classes that do not occur
    are left out.
    """

    def make(layer: LayerTrace, targets: Tensor) -> Instance | str:
        if targets.ndim == 2:
            hot = bool(((targets == 0) | (targets == 1)).all()) and bool(
                (targets.sum(-1) == 1).all()
            )
            if not hot:
                return "the targets are no class labels"
            targets = targets.argmax(-1)
        present, labels = torch.unique(targets, return_inverse=True)
        return (
            labelled_features(layer.inputs, labels)
            if len(present) > 1
            else "the batch holds one class only"
        )

    return _at_every_layer(subject, make)


def _one_hot(targets: Tensor) -> Tensor:
    return targets if targets.ndim == 2 else torch.nn.functional.one_hot(targets).double()


def _rate(layer: LayerTrace, targets: Tensor) -> Tensor | str:
    rate = noise_rate(layer.inputs.double(), layer.weight.double(), targets)
    positive = bool(torch.isfinite(rate)) and float(rate) > 0
    return (
        rate
        if positive
        else "the targets do not correlate with its inputs, or not with what it makes of them: "
        "nothing would grow"
    )


def readout_ensembles(subject: Subject) -> Places | str:
    """Every such layer behind ± a row of signs to one class at a time: two readouts a class."""

    def make(layer: LayerTrace, targets: Tensor) -> Instance | str:
        y, (width, d) = _one_hot(targets), layer.weight.shape
        classes = y.shape[1]
        rate = _rate(layer, y)
        if isinstance(rate, str):
            return rate
        if 2 * classes * width * d > LARGEST_ENSEMBLE // min(width, NARROW):
            return (
                "the gradients behind two readouts a class have more than "
                f"{LARGEST_ENSEMBLE // min(width, NARROW)} entries"
            )
        readouts = class_readouts(classes, width) * classes
        variance = torch.tensor(float(classes), dtype=torch.float64)
        # entries of variance v where the rate is meant for 1/m
        rate = rate / (variance * width).sqrt()
        return readout_ensemble(
            layer.inputs.double(), layer.weight.double(), y, readouts, variance=variance, rate=rate
        )

    return _at_every_layer(
        subject,
        make,
        lambda layer, classes: LARGEST_ROWS // (2 * classes * layer.weight.shape[0]),
    )


def random_readouts(subject: Subject) -> Places | str:
    """Every such layer behind readouts of independent N(0, 1/m) entries."""

    def make(layer: LayerTrace, targets: Tensor) -> Instance | str:
        y = _one_hot(targets)
        rate = _rate(layer, y)
        if isinstance(rate, str):
            return rate
        drawn = min(REPLICATES, LARGEST_ENSEMBLE // layer.weight.numel())
        if drawn < FEWEST:
            return f"{FEWEST} gradients of its weight have more than {LARGEST_ENSEMBLE} entries"
        return RandomReadout(
            layer.inputs.double(),
            layer.weight.double(),
            y,
            rate,
            seed=subject.seed,
            replicates=drawn,
        )

    return _at_every_layer(
        subject, make, lambda layer, _: LARGEST_DRAWN // (REPLICATES * layer.weight.shape[0])
    )
