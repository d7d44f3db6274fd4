"""Instances of one large gradient step that several test files build."""

import numpy as np

from impl.function_space.spiked_kernels import SpikedKernel, unit_vector


def objects(values):
    array = np.asarray(values)
    out = np.empty(array.shape, dtype=object)
    out[...] = array.tolist()
    return out


def kernel(d, bulk, spike, seed=0, count=2, activation="relu"):
    source = np.random.default_rng(seed)
    points = objects(source.integers(-3, 4, (count, d)))
    return SpikedKernel(
        points,
        unit_vector([int(t) for t in source.integers(-2, 3, d - 1)]),
        bulk,
        spike,
        activation,
    )
