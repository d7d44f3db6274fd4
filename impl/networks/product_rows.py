"""Products of a parameter with features as `LayerTrace`s: both factors in rows, whichever stands
first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from theorems.impl.errors import InputError, told
from theorems.impl.networks import parts, patches
from theorems.impl.networks.call_rows import patch_gradient
from theorems.impl.networks.products import Product

_UNREACHED = "autograd finds no path from the loss to it"


def product_rows(products: Sequence[Product]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The fields of a trace by name, and why other products have none.

    Products with one part of one parameter are rows of one layer: the steps of a recurrent layer,
    the calls of a module. Other parts of it (one of three stacked projections) are layers of their
    own, "weight[8:16]".
    """
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    left_out: dict[str, str] = {}
    leaves = {product.owner: product.parameter for product in products}
    for product in products:
        fields = _fields(product)
        if isinstance(fields, str):
            left_out.setdefault(product.owner, fields)
            continue
        for piece in fields:
            first, part = piece.pop("place")
            groups.setdefault(
                (product.owner, first, part, tuple(piece["weight"].shape)), []
            ).append(piece)
    found: dict[str, dict[str, Any]] = {}
    order = list(leaves)
    for key in sorted(groups, key=lambda key: (order.index(key[0]), *key[1:])):
        base, count = key[0] + key[2], 2
        name = base
        while name in found:
            name, count = f"{base}#{count}", count + 1
        found[name] = _joined(groups[key], leaves[key[0]], name)
    owners = {key[0] for key in groups}
    return found, {name: reason for name, reason in left_out.items() if name not in owners}


def _fields(product: Product) -> list[dict[str, Any]] | str:
    sent = [product.seen.get("first"), product.seen.get("second")]
    weight_grad, input_grad, delta = (
        sent[product.weight],
        sent[1 - product.weight],
        product.seen.get("output"),
    )
    if weight_grad is None or input_grad is None or delta is None or "factors" not in product.seen:
        return str(product.seen.get("reason", _UNREACHED))
    factors = product.seen["factors"]
    weight, read = factors[product.weight], factors[1 - product.weight]
    place = _place(product.parameter, weight)
    if "convolution" in product.seen:
        conv: Any = product.seen["convolution"]
        make = _transposed if conv.transposed else _convolution
        found = make(conv, weight, read, weight_grad, input_grad, delta)
        return found if isinstance(found, str) else [{**found, "place": place}]
    if "ends" in product.seen:
        return _grouped(product, weight, read, weight_grad, input_grad, delta)
    if delta.ndim == 1 and product.weight == 0:  # a matrix times a vector: the vector is one row
        read, input_grad, delta = read[:, None], input_grad[:, None], delta[:, None]
    elif delta.ndim == 1:  # or the weight of one unit
        weight, weight_grad, delta = weight[:, None], weight_grad[:, None], delta[:, None]
    if product.weight == 1:
        return [_matrices(weight.mT, read, weight_grad.mT, input_grad, delta, place)]
    return [_matrices(weight, read.mT, weight_grad, input_grad.mT, delta.mT, place)]


def _convolution(
    conv: Any, weight: Tensor, read: Tensor, weight_grad: Tensor, input_grad: Tensor, delta: Tensor
) -> dict[str, Any] | str:
    rows = delta.numel() // delta.shape[1]
    if rows * math.prod(weight.shape[1:]) > parts.LARGEST_ROWS:
        return (
            "it is a convolution by a function, whose patches are too many to be unfolded; use "
            "a smaller batch"
        )
    matrix, out = patches.weight_rows(conv, weight), patches.output_rows(conv, delta)
    patch, magnitude, terms = patch_gradient(conv, read, input_grad, out, matrix)
    made = {
        "weight": matrix,
        "inputs": patches.unfold(conv, read),
        "input_grad": patch,
        "output_grad": out,
        "weight_grad": patches.weight_rows(conv, weight_grad),
        "grad_magnitude": magnitude,
    }
    made = {name: value[0] for name, value in made.items()} if conv.groups == 1 else made
    return {**made, "grad_terms": terms}


def _grouped(
    product: Product,
    weight: Tensor,
    read: Tensor,
    weight_grad: Tensor,
    input_grad: Tensor,
    delta: Tensor,
) -> list[dict[str, Any]] | str:
    """Groups of rows with one matrix each: a layer per group that has rows."""
    ends = product.seen["ends"]
    if ends is None or read.ndim != 2 or weight.ndim != 3 or product.weight != 1:
        return "it is a grouped product of another kind than rows times one matrix per group"
    pieces = []
    for i, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        if end > start:
            rows = slice(start, end)
            place = _place(product.parameter, weight[i])
            pieces.append(
                _matrices(
                    weight[i].mT,
                    read[rows],
                    weight_grad[i].mT,
                    input_grad[rows],
                    delta[rows],
                    place,
                )
            )
    return pieces


def _transposed(
    conv: Any, weight: Tensor, read: Tensor, weight_grad: Tensor, input_grad: Tensor, delta: Tensor
) -> dict[str, Any]:
    """A transposed convolution: every input pixel is a row, and what it adds to the output is the
    patch around it.
    """
    pixels: Any = SimpleNamespace(**{**vars(conv), "out_channels": read.shape[1]})
    made = {
        "weight": patches.weight_rows(pixels, weight).mT,
        "weight_grad": patches.weight_rows(pixels, weight_grad).mT,
        "inputs": patches.output_rows(pixels, read),
        "input_grad": patches.output_rows(pixels, input_grad),
        "output_grad": patches.unfold(conv, delta, read.shape[2:]),
    }
    terms = made["weight"].shape[-2]
    made = {name: value[0] for name, value in made.items()} if conv.groups == 1 else made
    return {**made, "grad_magnitude": None, "grad_terms": terms}


def _matrices(
    weight: Tensor,
    read: Tensor,
    weight_grad: Tensor,
    input_grad: Tensor,
    delta: Tensor,
    place: tuple[int, str],
) -> dict[str, Any]:
    """The fields in rows; one network needs no leading dimension, and one weight spread over a
    batch is one weight.
    """
    fields = {
        "weight": weight,
        "inputs": read,
        "weight_grad": weight_grad,
        "input_grad": input_grad,
        "output_grad": delta,
    }
    if weight.ndim == 3 and (weight.shape[0] == 1 or weight.stride(0) == 0):
        fields = {
            "weight": weight[0],
            "weight_grad": weight_grad.sum(0),
            **{
                name: fields[name].reshape(-1, fields[name].shape[-1])
                for name in ("inputs", "input_grad", "output_grad")
            },
        }
    return {**fields, "grad_magnitude": None, "grad_terms": weight.shape[-2], "place": place}


def _joined(pieces: Sequence[dict[str, Any]], parameter: Tensor, name: str) -> dict[str, Any]:
    """Rows of several products under one another, their weight gradients added up."""
    joined = dict(pieces[0])
    for each in ("inputs", "input_grad", "output_grad", "grad_magnitude"):
        if len(pieces) > 1 and joined[each] is not None:
            joined[each] = torch.cat([piece[each] for piece in pieces], dim=-2)
    total = torch.stack([piece["weight_grad"] for piece in pieces]).sum(0)
    joined["weight_grad"] = _hooked(name, parameter, joined["weight"], total)
    kept = {
        key: value.clone() if isinstance(value, Tensor) else value for key, value in joined.items()
    }
    return {**kept, "calls": len(pieces), "outputs": None}


def _hooked(name: str, parameter: Tensor, weight: Tensor, gradient: Tensor) -> Tensor:
    """The gradient after the hooks on the parameter, of which the weight is a view, as
    `impl.networks.tracing` has it of a module's weight.
    """
    hooks = getattr(parameter, "_backward_hooks", None) or {}
    if (
        not hooks
        or weight.untyped_storage().data_ptr() != parameter.untyped_storage().data_ptr()
        or 0 in weight.stride()
    ):
        return gradient
    first = weight.storage_offset() - parameter.storage_offset()
    whole = torch.zeros_like(parameter, requires_grad=False)
    whole.as_strided(weight.shape, weight.stride(), first).copy_(gradient)
    for hook in hooks.values():
        try:
            changed = hook(whole)
        except Exception as error:
            raise InputError(
                f"expected a hook on {name!r} that takes its gradient, but it raised {told(error)}"
            ) from error
        whole = whole if changed is None else changed.detach()
    return whole.as_strided(weight.shape, weight.stride(), first + whole.storage_offset()).clone()


def _place(parameter: Tensor, weight: Tensor) -> tuple[int, str]:
    """Which part of a parameter a factor is, as an index into it; "" for the whole or where it
    cannot be told.
    """
    if weight.untyped_storage().data_ptr() != parameter.untyped_storage().data_ptr():
        return 0, ""
    count = weight.numel() // (weight.shape[0] if weight.ndim and weight.stride(0) == 0 else 1)
    if count == parameter.numel() or not parameter.is_contiguous():
        return 0, ""
    first = int(weight.storage_offset() - parameter.storage_offset())
    size = math.prod(parameter.shape[1:])
    if first % size == 0 and count % size == 0:
        start, stop = first // size, (first + count) // size
        return (
            first,
            f"[{start}]" if stop == start + 1 and parameter.ndim > 2 else f"[{start}:{stop}]",
        )
    if parameter.ndim == 2 and count % parameter.shape[0] == 0:
        width = count // parameter.shape[0]
        return first, f"[:, {first}:{first + width}]"
    return first, f"[{first}…]"
