"""What is false as stated: the statement, a counterexample that runs in seconds, and what holds in
its place.

A counterexample is a function that returns one instance. Its source is what a reader is told to
run, and it is what runs here.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from theorems import catalogue
from theorems.claim import Claim
from theorems.verdict import Verdict


@dataclass(frozen=True)
class Erratum:
    """One statement that does not hold as it stands.

    Args:
        name: the claim that keeps the statement, or the corrected claim where the printed form is
            one of its mutants.
        printed: the false statement in one line, for a terminal; the claim's own statement has it
            in LaTeX.
        correct: what holds instead, in one line.
        why: what goes wrong, in a sentence or two.
        counterexample: makes an instance on which the statement fails.
        beside: makes an instance for the corrected form, where it is about another type; by default
            the same instance.
    """

    name: str
    printed: str
    correct: str
    why: str
    counterexample: Callable[[], Any]
    beside: Callable[[], Any] | None = None

    @property
    def corrected(self) -> Claim:
        """The claim that holds."""
        return _claim(catalogue.CORRECTED.get(self.name, self.name))

    @property
    def stated(self) -> Claim:
        """The claim that must be refuted."""
        claim = _claim(self.name)
        return (
            claim.mutants[catalogue.MISPRINTS[self.name]]
            if self.name in catalogue.MISPRINTS
            else claim
        )

    @property
    def expression(self) -> str:
        """Python for the false statement, given the claim's name."""
        return (
            f"{self.name}.mutants[{catalogue.MISPRINTS[self.name]!r}]"
            if self.is_misprint
            else self.name
        )

    @property
    def is_misprint(self) -> bool:
        """Whether the printed form is a mutant, and no claim of its own."""
        return self.name in catalogue.MISPRINTS

    @property
    def command(self) -> str:
        """The command that finds a counterexample by itself (and tells it from what holds)."""
        return f"theorems check {self.corrected.name if self.is_misprint else self.name}"

    @property
    def script(self) -> str:
        """A file that shows both: the statement refuted, the corrected form beside it."""
        own = f"from theorems import {', '.join(sorted({self.name, self.corrected.name}))}"
        lines = [*_lines(self.counterexample), f"print({self.expression}(instance))"]
        lines += _lines(self.beside) if self.beside is not None else []
        lines += [f"print({self.corrected.name}(instance))"]
        imports = sorted(
            {line for line in lines if line.startswith(("import ", "from "))} | {own},
            key=_import_order,
        )
        return "\n".join([*imports, "", *(line for line in lines if line not in imports)])

    def run(self) -> tuple[Verdict, Verdict]:
        """The verdicts of the statement and of its corrected form."""
        instance = self.counterexample()
        other = instance if self.beside is None else self.beside()
        return self.stated(instance), self.corrected(other)


def _claim(name: str) -> Claim:
    return next(claim for claim in catalogue.CLAIMS if claim.name == name)


def _import_order(line: str) -> tuple[bool, str]:
    """The libraries before this project."""
    return line.split()[1].startswith(("impl", "theorems")), line


def _lines(make: Callable[[], Any]) -> list[str]:
    """The body of a counterexample, its return value named ``instance``."""
    source = textwrap.dedent(inspect.getsource(make))
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = textwrap.dedent(
        "\n".join(source.splitlines()[function.body[1].lineno - 1 :])
    ).splitlines()
    return [
        line.replace("return ", "instance = ", 1) if line.startswith("return ") else line
        for line in body
        if line
    ]


# -- the counterexamples ---------------------------------------------------------------------------


def _softplus() -> Any:
    """A softplus layer trained to rest."""
    from theorems.impl.strategies.trained import train_softplus

    # 8 samples, 2 classes, 5 features, trained until the gradient is rounding
    return train_softplus(seed=0)


def _softplus_network() -> Any:
    """A network of the same kind."""
    import torch

    from theorems.impl import decayed_layers

    torch.manual_seed(0)
    layers = [torch.nn.Linear(2, 5), torch.nn.Softplus(), torch.nn.Linear(5, 2)]
    model = torch.nn.Sequential(*layers).double()
    inputs, targets = torch.randn(8, 2).double(), torch.randn(8, 2).double()
    return decayed_layers(model, inputs, targets, torch.nn.functional.mse_loss, decay=0.1)["0"]


def _singles() -> Any:
    """Twenty samples, each a batch of its own."""
    import torch

    from theorems.impl import feature_noise

    torch.manual_seed(0)
    features, readout, targets = (
        torch.randn(20, 6).double(),
        torch.randn(2, 6).double(),
        torch.randn(20, 2).double(),
    )
    # twenty batches of one sample
    return feature_noise(features, readout, targets, counts=torch.eye(20).double())


def _unmatched() -> Any:
    """Two data sets of two points that a whitening preconditioner cannot tell apart, and isotropic
    weights can.
    """
    import torch

    from theorems.impl import InitialisedPair

    eye, one = torch.eye(2).double(), torch.ones(1).double()
    other = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).double()
    back = torch.linalg.inv(other)  # P' = X'⁻¹X'⁻ᵀ, so that X'P'X'ᵀ = I = XPXᵀ
    return InitialisedPair(
        eye, eye, eye, other, back, eye, targets=0 * eye[:, :1], rates=2 * one, scale=one[0]
    )


def _half() -> Any:
    """η = 3√d, d = 100 … 6400."""
    from theorems.impl import GapPath

    return GapPath(zeta=0.5)  # σ = cos + sin, g = tanh, η = 3 d^ζ, d = 100 … 6400


def _two() -> Any:
    """|t|, γ₁ = 1, γ₂ = 2."""
    from fractions import Fraction

    from theorems.impl import SpikedSeries

    # G(w) = |⟨u, w⟩|
    return SpikedSeries(bulk=Fraction(1), spike=Fraction(2), kind="power", numbers=(1,))


def _steps() -> Any:
    """Real steps of ReLU networks on a linear teacher."""
    from theorems.impl import StepPath

    sizes, runs = (16, 32, 64, 128, 256), (128, 96, 64, 48, 32)
    # c₁ = ½, μ₁ = 1
    return StepPath(activation="relu", target="identity", sizes=sizes, replicates=runs)


def _rows() -> Any:
    """Real steps of ReLU networks on a linear teacher, in groups on one batch each."""
    from theorems.impl import EnsemblePath

    sizes, runs = (16, 64, 256), (48, 48, 28)
    return EnsemblePath(
        activation="relu",
        target="identity",
        sizes=sizes,
        replicates=runs,
        alpha=0.5,
        beta=3.0,
        zeta=0.5,
        scale=6.0,
        group=6,
        shared_data=True,
    )


def _one_point() -> Any:
    """One sample in one dimension."""
    from fractions import Fraction

    import numpy as np

    from theorems.impl import SpikeSetting, unit_vector

    # g(z) = z, so μ₁ = 1
    line, one = (
        np.array([Fraction(0), Fraction(1)], dtype=object),
        Fraction(1),
    )
    # c₁ = ½
    return SpikeSetting(
        unit_vector([]), line, noise=0 * one, samples=1, width=1, rate=one, slope=one / 2
    )


ERRATA = (
    Erratum(
        "parameter_decay_bounds_kernel_rank_as_stated",
        "under weight decay, features have at most as many directions as there are classes, "
        "whatever makes them",
        "true of free features and of linear layers that a linear readout sees: decay must "
        "act on what is counted",
        "Decay on V pulls V, not softplus(XV), towards low rank: at rest the features keep "
        "more than C directions.",
        _softplus,
        _softplus_network,
    ),
    Erratum(
        "averaged_kernel_noise_is_low_rank_as_stated",
        "the N×N second moment E[ξξᵀ] of the kernel's minibatch noise has rank O(C)",
        "each realisation has rank at most 2C; on average it is the width side that stays low-rank",
        "Each batch moves the kernel in other directions; over N batches of one sample the "
        "average has rank N.",
        _singles,
    ),
    Erratum(
        "information_needs_matched_initialisation_as_stated",
        "data sets with equal preconditioned Gram matrices give equal laws of training",
        "true if the law of W(0) is matched to P: W(0) = 0, or rows ~ N(0, cP)",
        "Isotropic weights show XXᵀ in the law of Z(0) before the first step, whatever P "
        "hides later.",
        _unmatched,
    ),
    Erratum(
        "first_step_is_rank_one",
        "W₁ = W₀ + μ₁η/(n√m) · a (Xᵀy)ᵀ + E with the target's μ₁ = E g'(z), relative ‖E‖ = "
        "Õ(d^{-1/2})",
        "W₁ = W₀ + c₁η/(n√m) · a (Xᵀy)ᵀ + E with the activation's c₁ = E σ'(z)",
        "With μ₁ the remainder does not vanish: relative to the rank-one term it tends to "
        "|c₁ − μ₁|/μ₁, here ½.",
        _steps,
    ),
    Erratum(
        "learned_weights_are_spiked_gaussian",
        "given ς = Xᵀy, w ~ N(0, I/d + (μ₁η/(nm))² ςςᵀ) with the target's μ₁ = E g'(z)",
        "given ς, w ~ N(0, I/d + (c₁η/(nm))² ςςᵀ) with the activation's c₁ = E σ'(z), as in the "
        "first step",
        "The variance along ς is too large by the factor (μ₁/c₁)², so the law stays at a "
        "fixed distance.",
        _rows,
    ),
    Erratum(
        "spike_moments",
        "A = 1 + (η²/d²)(μ₁²/(αβ²)) E y² and B = (η²/d)(μ₁⁴/(αβ²))(α − 1/d + 2s/(μ₁²d))",
        "A = 1 + (η²/d²)(c₁²/(αβ²)) E y² and B = (η²/d)(c₁²μ₁²/(αβ²))(α − 1/d + 2s/(μ₁²d)), c₁ = E "
        "σ'(z)",
        "They inherit the coefficient of the first step. With one sample in one dimension "
        "both sides are fractions.",
        _one_point,
    ),
    Erratum(
        "gaussian_equivalent_gap_as_stated",
        "‖T₁* − T₁‖_HS = O(η⁴ ln³d / d⁵)",
        "‖T₁* − T₁‖_HS = Θ(η⁴/d⁴): still o(B/d) for ζ < 1, but at η = Θ(d) as large as the "
        "spike's own effect",
        "The fluctuation of ς is left out: its fourth cumulant contributes κ⁴n³ times a "
        "trace over d directions.",
        _half,
    ),
    Erratum(
        "spiked_covariance_series_as_stated",
        "E G over N(0, γ₁I + γ₂uuᵀ) = Σ_j (γ₂/2)^j/j! · E[D_u^{2j} G] over N(0, γ₁I), for "
        "all γ₁, γ₂ > 0 and all G of polynomial growth",
        "the same for γ₂ < γ₁, or for polynomials G",
        "It is a Taylor series in the variance, analytic in Re s > 0 only: at γ₂ ≥ γ₁ it is summed "
        "past its radius.",
        _two,
    ),
)
"""In the order of the catalogue."""
