"""The loss along straight lines through the parameters of any network: what autograd says of its
slope, and what the loss does.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from theorems.impl.errors import require
from theorems.impl.instances.instance import Instance

STEPS = tuple(2.0 ** -(10 + 2 * k) for k in range(11))
"""Half widths of the central differences, relative to the parameters; each a quarter of the one
before.
"""
BESIDE = 2.0**-8
"""How far the point beside the parameters is, relative to their size."""
GROWN = 2.0**-2
"""The size that tiny parameters are given where the loss is to depend on what they multiply."""
REPEATS = 3
"""How often the last bits are changed to see what rounding does."""
FINEST = STEPS[-1]
FINE = tuple(FINEST * 4.0**-k for k in range(1, 11))
"""Steps below which rounding hides every slope but a steep one."""
COARSE = tuple(STEPS[0] * 4.0**k for k in (4, 3, 2, 1))
"""Steps for parameters of which the loss depends little: smaller ones would drown in its
rounding.
"""
FEW = (STEPS[3:7], STEPS[7:11])
"""Four steps at which most losses are smooth and hardly rounded, and four between whose kinks there
is more room: where the slope is clear from these alone, no others are needed.
"""
FEWEST = 4
"""Steps that a slope is told from, at least."""
BETWEEN = (0.5, 0.75)
"""With these shares of a step beside it and its quarter, the loss is known at nine equidistant
points: their differences show how rough it is.
"""
ROUGH = slice(1, None, 2)
"""The steps of `STEPS` at which that is looked at."""


@dataclass(frozen=True, eq=False)
class LossLine(Instance):
    r"""The loss at :math:`θ ± h V` for falling h, and the slope along V that autograd's gradient
    implies.

    Args:
        slope: :math:`\langle \nabla L, V \rangle`, ().
        spread: :math:`(\sum_i (\nabla_i V_i)^2)^{1/2}`, the slope to be expected of a random V, ().
        terms: :math:`\sum_i |\nabla_i V_i|`, ().
        steps: h, (K,), each a quarter of the one before.
        ahead: L(θ + hV), (K,).
        behind: L(θ − hV), (K,).
        entries: how many numbers θ has.
        cut: what on the way to the loss is cut off from autograd on purpose and could not be held
            where it was, or "".
        value: L(θ), (); None if it is not known.
        scale: the largest number that the network puts out.
        noise: how far off one value of the loss is at each step, as its roughness on nine
            equidistant points up to that step shows, (K,); None if it was not looked at.
        shared: the slope to be expected of a random V through all parameters, where this one is
            through some of them; 0 for all.
        broken: the parameters whose gradient is NaN or infinite.
        notes: what was not looked at, or was held where it was; a sentence each.
        hidden: whose gradient this line could not have seen to be wrong, and why; "" if it sees all
            that moves.
        said: where the gradient goes wrong, if that was searched for.
        wobble: the largest change of the loss, and
        jitter: of the slope, when the parameters change in their last bits: what rounding inside
            the network does to both. None and 0 if it was not looked at.
    """

    silent = ("noise", "shared", "said", "notes", "broken", "hidden")

    slope: Tensor
    spread: Tensor
    terms: Tensor
    steps: Tensor
    ahead: Tensor
    behind: Tensor
    entries: int = 1
    cut: str = ""
    value: Tensor | None = None
    scale: float = 0.0
    wobble: float | None = None
    jitter: float = 0.0
    noise: Tensor | None = None
    shared: float = 0.0
    broken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    said: str = ""
    hidden: str = ""

    def __post_init__(self) -> None:
        """Check shapes."""
        shape = tuple(self.steps.shape)
        for name in ("ahead", "behind"):
            got = tuple(getattr(self, name).shape)
            require(got == shape, f"expected {name} of shape {shape} like the steps, got {got}")
        require(
            len(shape) == 1 and shape[0] >= FEWEST,
            f"expected at least four steps, got steps of shape {shape}",
        )
