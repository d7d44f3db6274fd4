"""Products of a parameter with features, found by what runs: the nodes of autograd's graph,
whatever the class of the module is called.

``x @ self.weight``, ``torch.einsum``, ``functional.linear``, attention's packed projection and the
steps of a recurrent layer all end in a handful of autograd nodes. A node knows both factors, and
what it sends back to each: the gradients *through this product only*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge

from theorems.impl.networks.recording import COMPLEX, Recording

_FACTORS = {
    "AddmmBackward0": (1, 2, "_saved_mat1", "_saved_mat2"),
    "MmBackward0": (0, 1, "_saved_self", "_saved_mat2"),
    "BmmBackward0": (0, 1, "_saved_self", "_saved_mat2"),
    "BaddbmmBackward0": (1, 2, "_saved_batch1", "_saved_batch2"),
    "MvBackward0": (0, 1, "_saved_self", "_saved_vec"),
    "AddmvBackward0": (1, 2, "_saved_mat", "_saved_vec"),
    "ConvolutionBackward0": (0, 1, "_saved_input", "_saved_weight"),
    "GroupedMmBackward0": (0, 1, "_saved_self", "_saved_mat2"),
}
"""Of each product: which of its edges lead to the first factor and to the second, and where they
are kept.
"""
_VIEWS = frozenset({
    "Alias", "AsStrided", "Clone", "Diagonal", "Expand", "Narrow", "Permute", "ReshapeAlias",
    "Select", "Slice", "Split", "SplitWithSizes", "Squeeze", "T", "ToCopy", "Transpose", "Unbind",
    "Unflatten", "UnsafeSplit", "UnsafeView", "Unsqueeze", "View",
})  # fmt: skip
"""Nodes through which a parameter stays what it is: other shapes, parts, formats."""
_ENTRYWISE = frozenset(
    {
        "Abs",
        "Add",
        "Addcmul",
        "Clamp",
        "ClampMin",
        "Cos",
        "Div",
        "Exp",
        "Lerp",
        "Log",
        "Log1P",
        "MaskedFill",
        "Mul",
        "Neg",
        "Norm",
        "LinalgVectorNorm",
        "Pow",
        "Reciprocal",
        "Relu",
        "Rsqrt",
        "Rsub",
        "Sigmoid",
        "Sin",
        "Softplus",
        "Sqrt",
        "Sub",
        "Sum",
        "Tanh",
        "Where",
        "WeightNormInterface",
    }
)
"""Nodes by which the factor is computed from parameters of one module: masks, norms, scales."""
_NO_LAYER = frozenset({
    "Add", "Cat", "CopySlices", "Div", "Embedding", "EmbeddingBag", "Index", "IndexSelect",
    "Gather", "Maximum", "Minimum", "Mul", "NativeBatchNorm", "NativeGroupNorm",
    "NativeLayerNorm", "Repeat", "RmsNorm", "Stack", "Sub", "Where",
})  # fmt: skip
"""Nodes that read a table, shift or scale: what they read is no weight of a layer."""
_FAR = 256
_PARAMETRIZED = re.compile(r"\bparametrizations\.(\w+)\.original\d*$")


def kind_of(node: Any) -> str:
    """The name of a node without its number: "Addmm" of AddmmBackward0; of a function of the user's
    its class.
    """
    name: str = node.name().rpartition("::")[2]
    return name.rstrip("0123456789").removesuffix("Backward")


@dataclass(frozen=True)
class Product:
    """One product that ran.

    Args:
        node: of autograd's graph.
        owner: the parameter that its weight is, or is computed from, by its name in the model.
        parameter: it.
        weight: which factor it is, 0 or 1.
        seen: both factors, what the node sent back to each, and what it got, once the backward pass
            ran.
    """

    node: Any
    owner: str
    parameter: Tensor
    weight: int
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def edges(self) -> tuple[GradientEdge, GradientEdge] | None:
        """Where the gradients of both factors go; None if one of them has none."""
        pairs = [self.node.next_functions[i] for i in _FACTORS[self.node.name()][:2]]
        return (
            None  # type: ignore[return-value]
            if any(node is None for node, _ in pairs)
            else tuple(GradientEdge(*pair) for pair in pairs)
        )

    def keep(self) -> None:
        """Keep what was multiplied, before the backward pass frees it."""
        first, second = _FACTORS[self.node.name()][2:]
        try:
            self.seen["factors"] = (
                getattr(self.node, first).detach(),
                getattr(self.node, second).detach(),
            )
        except RuntimeError as error:  # it was overwritten in place
            self.seen["reason"] = (
                f"what it multiplies is no longer there: {str(error).partition(';')[0]}"
            )
            return
        if self.node.name() == "GroupedMmBackward0":
            self.seen["ends"] = (
                None if self.node._saved_offs is None else self.node._saved_offs.tolist()
            )
        if self.node.name() == "ConvolutionBackward0":
            self.seen["convolution"] = self._convolution(self.seen["factors"][1])

    def _convolution(self, kernel: Tensor) -> SimpleNamespace:
        """What `impl.networks.patches` wants to know of a convolution."""
        return SimpleNamespace(
            kernel_size=tuple(kernel.shape[2:]),
            stride=tuple(self.node._saved_stride),
            padding=tuple(self.node._saved_padding),
            dilation=tuple(self.node._saved_dilation),
            groups=int(self.node._saved_groups),
            transposed=bool(self.node._saved_transposed),
            out_channels=kernel.shape[0],
            padding_mode="zeros",
            weight=kernel,
        )


class Products:
    """Every product with a parameter on the way to a loss, but for those of the layers that were
    recorded as modules.

    Args:
        model: whose parameters count.
        value: the loss.
        recorded: the layers that are seen already, and how they read their weights.

    ``found`` are the products, ``left_out`` says why parameters are in none; ``unsure`` if another
    way to run the model may show more.
    """

    def __init__(self, model: nn.Module, value: Tensor, recorded: Recording) -> None:
        """Walk the graph once."""
        named = [
            (_PARAMETRIZED.sub(r"\1", name), p)
            for name, p in model.named_parameters(remove_duplicate=False)
        ]
        self.names = {id(p): name for name, p in reversed(named)}
        frozen = {
            p.untyped_storage().data_ptr(): name
            for name, p in model.named_parameters()
            if _still(p)
        }
        # held, so that their ids stay theirs
        self._hidden = [alias.grad_fn for alias in recorded.weights.values()]
        own = {id(node) for node in self._hidden if node is not None}
        self.found: list[Product] = []
        self.left_out: dict[str, str] = {}
        self.unsure = False
        for node in _nodes(value):
            name = node.name()
            if name in _FACTORS:
                self._look_at(node, own, frozen)
            elif kind_of(node) not in _VIEWS | _NO_LAYER | _ENTRYWISE:
                for edge, _ in node.next_functions:
                    leaf = _leaf(edge, own)
                    if leaf is not None and id(leaf) in self.names and leaf.ndim > 1:
                        self.left_out.setdefault(self.names[id(leaf)], _opaque(node))
                        self.unsure |= "Rnn" in name or "DifferentiableGraph" in name
        order = {name: i for i, (name, _) in enumerate(reversed(named))}
        self.found.sort(key=lambda product: -order[product.owner])
        traced = {product.owner for product in self.found}
        self.left_out = {
            name: reason for name, reason in self.left_out.items() if name not in traced
        }

    def _look_at(self, node: Any, own: set[int], frozen: dict[int, str]) -> None:
        indices = _FACTORS[node.name()][:2]
        edges = [node.next_functions[i][0] for i in indices]
        leaves = [None if edge is None else _leaf(edge, own) for edge in edges]
        mine = [i for i in (1, 0) if leaves[i] is not None and id(leaves[i]) in self.names]
        if not mine and None not in leaves:
            return None  # of tensors that are nobody's parameter
        if not mine:
            computed = [None if edge is None else self._computed(edge, own) for edge in edges]
            mine = [i for i in (1, 0) if computed[i] is not None and leaves[i] is None]
            if len(mine) != 1:
                return self._mark_frozen(node, frozen)
            leaves = computed
        which = mine[0]
        parameter: Any = leaves[which]
        name = self.names[id(parameter)]
        product = Product(node, name, parameter, which)
        if parameter.is_complex():
            self.left_out.setdefault(name, COMPLEX)
        elif product.edges is None:
            self.left_out.setdefault(name, _BLIND)
            self.unsure = True
        else:
            self.found.append(product)
        return None

    def _mark_frozen(self, node: Any, frozen: dict[int, str]) -> None:
        """A factor that is a frozen parameter: autograd computes nothing of it."""
        for attribute in _FACTORS[node.name()][2:]:
            try:
                kept = getattr(node, attribute)
            except RuntimeError:
                continue
            where = None if kept is None else kept.untyped_storage().data_ptr()
            if where in frozen:
                self.left_out.setdefault(
                    frozen[where], "it is frozen: autograd computes no gradient of its weight"
                )

    def _computed(self, edge: Any, own: set[int]) -> Tensor | None:
        """The largest parameter of the one module whose parameters, and nothing else, this factor
        is computed from entry by entry.
        """
        waiting, known, leaves = [edge], {edge}, []
        while waiting:
            node = waiting.pop()
            if hasattr(node, "variable"):
                leaves.append(node.variable)
            elif kind_of(node) not in _VIEWS | _ENTRYWISE or id(node) in own or len(known) > _FAR:
                return None
            following = {other for other, _ in node.next_functions if other is not None} - known
            known |= following
            waiting += following
        names = [self.names.get(id(leaf)) for leaf in leaves]
        if None in names or len({str(name).rpartition(".")[0] for name in names}) != 1:
            return None
        return max(leaves, key=lambda leaf: (leaf.ndim, leaf.numel()))

    @property
    def edges(self) -> list[GradientEdge]:
        """What the backward pass must be asked for, so that every product runs backwards."""
        return [edge for product in self.found for edge in product.edges or ()]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep what each product gets and sends back while the context is open."""
        with ExitStack() as stack:
            for product in self.found:
                product.keep()
                stack.callback(product.node.register_hook(_keep(product)).remove)
            yield


_BLIND = "autograd computes no gradient at what it reads: its inputs are data, or cut off"


def _keep(product: Product) -> Any:
    first, second = _FACTORS[product.node.name()][:2]

    def keep(sent: Sequence[Tensor | None], got: Sequence[Tensor | None]) -> None:
        product.seen.update(first=sent[first], second=sent[second], output=got[0])

    return keep


def _opaque(node: Any) -> str:
    own = " (a function with a backward pass of its own)" if hasattr(node, "_forward_cls") else ""
    return f"it enters {kind_of(node)}{own}, which is no product of two matrices that autograd sees"


def _still(parameter: Tensor) -> bool:
    return not parameter.requires_grad and parameter.ndim > 1 and parameter.layout is torch.strided


def _leaf(node: Any, own: set[int]) -> Tensor | None:
    """The leaf that a node is a view of; None if it is computed, or is the alias of a layer that is
    recorded as a module.
    """
    while node is not None and not hasattr(node, "variable"):
        if id(node) in own or kind_of(node) not in _VIEWS or not node.next_functions:
            return None
        node = node.next_functions[0][0]
    return None if node is None else node.variable


def _nodes(value: Tensor) -> list[Any]:
    """Every node of the graph, the last one first."""
    waiting: list[Any] = [value.grad_fn] if value.grad_fn is not None else []
    known, found = set(waiting), []
    while waiting:
        node = waiting.pop()
        found.append(node)
        for other, _ in node.next_functions:
            if other is not None and other not in known:
                known.add(other)
                waiting.append(other)
    return found


@contextmanager
def unfused() -> Iterator[None]:
    """Recurrent layers run step by step while the context is open, not as one operation of oneDNN
    or cuDNN; scripted ones as they are written.
    """
    before, cudnn = torch._C._get_mkldnn_enabled(), torch._C._get_cudnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    torch._C._set_cudnn_enabled(False)
    try:
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            yield
    finally:
        torch._C._set_mkldnn_enabled(before)
        torch._C._set_cudnn_enabled(cudnn)
