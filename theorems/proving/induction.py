r"""Every depth: two identities, one to start with and one that adds a layer next to any field that
the other layers make.

A gated network, seen from one of its layers, is a network of depth one: its inputs z are what the
layers below make, its readout p is what those above pull back, and f = ⟨p, z¹⟩. Both fields move
with their layers. So the steps below are networks of depth one whose inputs, or whose readout,
are generic and move with a generic velocity.

* *Pullback.* Level l of a network is level 0 of its upper part, fed with z^l (p does not see how
  it is fed, the masks being given). Level 0 at depth L + 1: the readout p¹ of the first layer
  moves with ṗ¹ = −Σ r M¹ z¹, which is the hypothesis for the L layers above, fed with z¹. The
  step says that then ṗ⁰ = −Σ r M⁰ z⁰ with M⁰ as the recursion makes it of M¹. At depth 0 p does
  not move and M = 0.
* *Pushforward.* The same from above: the inputs of the last layer move with −Σ r N p, the
  hypothesis for the layers below under the readout p of that layer.
* *Cut.* ⟨p^l, z^l⟩ is the same at every level, so ḟ = ⟨ṗ^l, z^l⟩ + ⟨p^l, ż^l⟩, both of which are
  the recursions.
* *Layer by layer.* What one layer's own motion does, to f or to its Gram matrix, is what it does
  in the network of depth one.
* *Two top layers.* What reads the two top layers alone is decided at depth two, fed with any
  inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from theorems.claim import Claim
from theorems.gram_hierarchy import recursions, weight_gram_operators
from theorems.gram_hierarchy.operators import STATED
from theorems.impl.generic.networks import gated_network
from theorems.impl.gram_hierarchy.gated import GatedNetwork, fields, loss_gradient
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.operands import Operand
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.proving.cases import Case

_LAYER = Case("one layer between any fields", partial(gated_network, depths=(1, 1)), 0, ("gate",))


@dataclass(frozen=True)
class Step:
    """An identity of one layer between generic fields: ``observed`` and ``predicted`` are functions
    of a network of depth one.
    """

    name: str
    observed: Callable[[GatedNetwork], Operand]
    predicted: Callable[[GatedNetwork], Operand]


class Carried:
    """Where other layers go on: what their operator makes of one vector, by the hypothesis of the
    induction.

    The recursion multiplies what has arrived there by this. Of anything but that vector the
    hypothesis says nothing.
    """

    tangent = None
    """Numbers on the left leave the product to this."""

    def __init__(self, vector: Operand, value: Operand) -> None:
        """Keep the vector, times its residuals, and the value."""
        self.vector, self.value = vector, value

    def __rmul__(self, other: Operand) -> Operand:
        """The value.

        Raises:
            NotOfThisFormError: if something else arrives.
        """
        if (other - self.vector).terms:
            raise NotOfThisFormError(
                "the operator of other layers on another vector than their own"
            )
        return self.value


def _pulled(net: GatedNetwork) -> Operand:
    """ṗ⁰ while the weight descends and the readout moves with a free velocity."""

    def conjugate(weight: Operand, readout: Operand) -> Operand:
        return fields(replace(net, readout=readout), (weight,)).p[0]

    at, along = (net.weights[0], net.readout), (net.weight_velocity[0], net.readout.fresh("dp"))
    return velocity(conjugate, at, along)


def _pullback(net: GatedNetwork) -> Operand:
    """−Σ r M⁰ z⁰ where Σ r M¹ z¹ is minus that velocity."""
    seen = fields(net)
    above = Carried(seen.z[1] * net.residual[..., None], -net.readout.fresh("dp"))
    return -replace(STATED, start=above).pullback(net, seen, 0, net.inputs)


def _pushed(net: GatedNetwork) -> Operand:
    """ż¹ while the weight descends and the inputs move with a free velocity."""

    def activation(weight: Operand, inputs: Operand) -> Operand:
        return fields(replace(net, inputs=inputs), (weight,)).z[1]

    at, along = (net.weights[0], net.inputs), (net.weight_velocity[0], net.inputs.fresh("dz"))
    return velocity(activation, at, along)


def _pushforward(net: GatedNetwork) -> Operand:
    """−Σ r N¹ p¹ where Σ r N⁰ p⁰ is minus that velocity."""
    seen = fields(net)
    below = Carried(seen.p[0] * net.residual[..., None], -net.inputs.fresh("dz"))
    return -replace(STATED, start=below).pushforward(net, seen, 1, net.readout)


def _below(net: GatedNetwork) -> Operand:
    seen = fields(net)
    return (seen.p[0] * seen.z[0]).sum(-1)


def _gradient(net: GatedNetwork) -> Operand:
    return loss_gradient(net, net.weights, net.residual)[0]


def _outer(net: GatedNetwork) -> Operand:
    """What the gradient of a layer is in terms of the fields next to it, in whatever network it
    stands.
    """
    seen = fields(net)
    return (net.residual[..., None] * seen.delta[1]).mT @ seen.z[0]


PULLBACK = Step("pullback through one more layer", _pulled, _pullback)
PUSHFORWARD = Step("pushforward through one more layer", _pushed, _pushforward)
CUT = Step("⟨p, z⟩ is the same below a layer as above it", _below, lambda net: fields(net).outputs)
LAYER = Step("the gradient of a layer is that of the fields next to it", _gradient, _outer)

_STEPS: tuple[tuple[Claim, tuple[Step, ...]], ...] = (
    (recursions.backward_pullback_recursion, (PULLBACK, LAYER)),
    (recursions.forward_pushforward_recursion, (PUSHFORWARD, LAYER)),
    (weight_gram_operators.kernel_cut_identity, (PULLBACK, PUSHFORWARD, CUT, LAYER)),
    (recursions.layerwise_kernel, (CUT, LAYER)),
    (weight_gram_operators.gram_operator_flow, (CUT, LAYER)),
    (recursions.weight_gram_is_first_nontrivial_pullback, (PULLBACK, LAYER)),
)


def steps_of(claim: Claim) -> tuple[Step, ...]:
    """The identities that carry a claim from one depth to the next; none where nobody has given
    them.
    """
    return next((steps for known, steps in _STEPS if known is claim), ())


def layer() -> Case:
    """One layer between any fields."""
    return _LAYER


def told(words: str) -> str:
    """What a claim is proved for, with every depth in place of the depths that were looked at."""
    depths, _, rest = words.partition(", ")
    return f"every depth by induction ({depths} also directly), {rest}"
