"""Hypothesis strategies for softmax heads with their loss, attention heads and normalised layers.

Their numbers are floats even where data are small integers, since exponentials and roots round; the
small ones shrink all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor

from theorems.impl.heads.attention import AttentionHead, attention_head
from theorems.impl.heads.normalised import KINDS, NormalisedLayer, normalised_layer
from theorems.impl.heads.softmax_heads import SoftmaxHead, softmax_head
from theorems.impl.networks.spec import generator
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import span, turn


@st.composite
def _data(draw: Callable[..., Any]) -> Callable[..., Tensor]:
    """Tensors of small integers, drawn one by one, or Gaussian ones from a seed; inside
    `larger_sizes` the latter.
    """
    if turn() is None and draw(st.booleans()):
        return lambda *shape: draw(lattices(shape, 2))
    source, size = generator(draw(SEEDS)), draw(st.sampled_from([1.0, 0.1, 4.0]))
    return lambda *shape: torch.randn(shape, generator=source, dtype=torch.float64) * size


@st.composite
def softmax_heads(draw: Callable[..., Any]) -> SoftmaxHead:
    """Linear heads under their cross-entropy, summed or averaged, with a bias or without: C = 2 … 5
    classes, 1 … 6 samples.
    """
    rows, d, classes = draw(span(1, 6, 16)), draw(span(1, 4, 24, above=20)), draw(span(2, 5, 12))
    data = draw(_data())
    labels = torch.tensor(draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)))
    bias = data(classes) if draw(st.booleans()) else None
    reduction = draw(st.sampled_from(["sum", "mean"]))
    return softmax_head(data(rows, d), data(classes, d), labels, bias=bias, reduction=reduction)


@st.composite
def attention_heads(draw: Callable[..., Any], *, causal: bool | None = None) -> AttentionHead:
    """Single heads, causal or not: 1 … 5 queries and keys (as many of each where causal), 1 … 4
    dimensions and values.
    """
    rows, k, v = draw(span(1, 5, 16)), draw(span(1, 4, 24, above=20)), draw(span(1, 4, 8))
    masked = draw(st.booleans()) if causal is None else causal
    keys, data = rows if masked else draw(span(1, 5, 16)), draw(_data())
    return attention_head(data(rows, k), data(keys, k), data(keys, v), causal=masked)


@st.composite
def normalised_layers(draw: Callable[..., Any], *, kind: str | None = None) -> NormalisedLayer:
    """LayerNorm, RMSNorm and BatchNorm (or one ``kind`` of them), with gain and shift or plain, and
    any gradient from above.
    """
    which = draw(st.sampled_from(KINDS)) if kind is None else kind
    rows, d = (
        draw(span(2 if which == "batch" else 1, 6, 16)),
        draw(span(1 if which == "batch" else 2, 5, 24, above=20)),
    )
    data = draw(_data())
    gain = shift = None
    if draw(st.booleans()):
        gain = 1 + data(d).abs()
        shift = None if which == "rms" else data(d)
    epsilon = draw(st.sampled_from([1e-5, 1.0, 2.0**-10]))
    return normalised_layer(
        data(rows, d), data(rows, d), kind=which, gain=gain, shift=shift, epsilon=epsilon
    )
