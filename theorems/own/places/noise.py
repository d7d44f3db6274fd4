"""Minibatch noise at the readout of a user's network."""

from __future__ import annotations

from torch import Tensor

from theorems.impl.kernel_flows.decayed import readout_of
from theorems.impl.kernel_flows.minibatches import minibatches, noise_at, reduction_of
from theorems.own.places.subject import Places, Subject

LARGEST_BATCH = 128
"""Samples of which the kernel's noise (N, N) is decomposed; of a larger batch the first ones are
taken.
"""
LARGEST_NOISE = 2**22
"""Entries of the features' noise, over all minibatches."""
DRAWN = 2
"""Minibatches per instance."""


def minibatch_noises(subject: Subject) -> Places | str:
    """Noise of random minibatches at the input of the linear readout, drawn without replacement and
    with it.

    The size is the one that the network is trained with, where it is known; else a quarter of the
    samples.
    """
    layers, targets = subject.whole, subject.targets
    last = readout_of(layers, subject.outputs)
    if last is None:
        return "the network does not end in a linear layer: no layer's outputs are the network's"
    if not isinstance(targets, Tensor) or targets.ndim == 0:
        return "the targets are no tensor with one row per sample"
    layer, samples = layers[last], len(targets)
    if layer.inputs.ndim != 2 or layer.calls != 1 or layer.inputs.shape[0] != samples:
        return f"the readout {last!r} has no single row of features per sample"
    kept = min(samples, LARGEST_BATCH)
    if DRAWN * kept * layer.inputs.shape[1] > LARGEST_NOISE:
        kept = max(2, LARGEST_NOISE // (DRAWN * layer.inputs.shape[1]))
    if kept < samples and subject.later:
        return {}
    reduction = reduction_of(layer, targets, subject.loss)
    if reduction is None:
        return (
            "the loss is neither the sum nor the mean of its values on single samples, as far "
            "as its format tells: a minibatch has no noise of its own"
        )
    size = subject.batch_size or max(1, kept // 4)
    part = "" if kept == samples else f", first {kept} samples"
    found: Places = {}
    for replacement in (False, True):
        where = f"{last}, batches of {size}{part}{', with replacement' if replacement else ''}"
        if size >= kept and not replacement:
            found[where] = (
                f"a batch of {size} is all of the {kept} samples or more: without "
                "replacement it has no noise"
            )
            continue
        counts = minibatches(kept, size, DRAWN, replacement=replacement, seed=subject.seed)
        found[where] = noise_at(layer, targets[:kept], subject.loss, counts, reduction=reduction)
    return found
