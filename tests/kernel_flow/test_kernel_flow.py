"""arXiv:2601.00276 as a whole: its rows in the catalogue, the statements that must fail, bad
calls.
"""

import pytest
import torch
from hypothesis import find
from torch import nn

from impl.errors import InputError
from impl.kernel_flows.decayed import decayed_layers, free_features
from impl.kernel_flows.flow_runs import run
from impl.kernel_flows.flow_solvers import flow_to_rest
from impl.kernel_flows.minibatches import feature_noise, minibatches
from impl.strategies.ranks import squared_matrices
from tests.flow_tasks import SEARCH, axis_task, gaussian
from theorems import kernel_flow as claims
from theorems.catalogue import CLAIMS
from theorems.verdict import Outcome


def test_the_thirteen_rows_are_in_the_catalogue():
    rows = [
        "kernel_rank_at_most_classes",
        "softmax_kernel_rank_below_classes",
        "task_drive_is_low_rank",
        "kernel_ode",
        "kernel_energy_decreases",
        "water_filling_law",
        "only_full_water_filling_is_stable",
        "coupled_flow_reaches_water_filling",
        "imbalance_decays_exponentially",
        "sgd_kernel_noise_is_low_rank",
        "sgd_feature_noise_is_low_rank",
        "spectral_bias_variance",
        "laplacian_spectral_filter",
    ]
    names = {claim.name for claim in CLAIMS}
    assert set(rows) <= names
    assert all(hasattr(claims, name) for name in rows)
    assert set(claims.__all__) <= names


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: minibatches(4, 5, 1, replacement=False, seed=0), "at most 4 samples"),
        (lambda: minibatches(4, 0, 1, replacement=True, seed=0), "at least one sample"),
        (
            lambda: feature_noise(gaussian(3, 2), gaussian(1, 3), gaussian(3, 1), torch.ones(1, 3)),
            "readout of shape|mat1 and mat2",
        ),
        (
            lambda: free_features(gaussian(3, 2), gaussian(1, 2), gaussian(3, 1), decay=-1.0),
            "at least 0",
        ),
        (
            lambda: free_features(
                gaussian(3, 2), gaussian(1, 2), gaussian(3, 1), decay=1.0, loss="cubic"
            ),
            "one of squared",
        ),
        (
            lambda: flow_to_rest(gaussian(3, 2), gaussian(3, 1), ridge=1.0, decay=0.0),
            "positive decays",
        ),
        (
            lambda: decayed_layers(
                nn.Linear(2, 1),
                gaussian(3, 2),
                gaussian(3, 1),
                nn.functional.mse_loss,
                decay=1.0,
                readout="x",
            ),
            "one of|dtype",
        ),
        (lambda: axis_task(decay=-1.0), "positive decay"),
        (
            lambda: run(axis_task(), gaussian(3, 2), gaussian(2, 2), how="magic"),
            "one of kernel ODE",
        ),
        (
            lambda: run(axis_task(), gaussian(3, 1), gaussian(2, 1), how="factored flow"),
            "width of at least 2",
        ),
        (lambda: claims.kernel_ode(1), "KernelPoint"),
    ],
)
def test_bad_calls_say_what_to_do(call, message):
    with pytest.raises((InputError, RuntimeError), match=message):
        call()


MUST_FAIL = [
    ("the bound C − 1 for the squared loss", "kernel_rank_at_most_classes", "one class fewer"),
    ("the bound C − 2 for softmax", "softmax_kernel_rank_below_classes", "two classes fewer"),
    ("C instead of 2C for the kernel's noise", "sgd_kernel_noise_is_low_rank", "C instead of 2C"),
    ("the threshold s > λμ", "water_filling_law", "threshold λμ"),
    ("k_i without the root", "water_filling_law", "without the root"),
    ("the end without the root", "kernel_flow_reaches_water_filling", "without the root"),
    (
        "escape without the factor 2, linearised",
        "only_full_water_filling_is_stable",
        "escape without the factor 2",
    ),
    ("escape without the factor 2, integrated", "missing_modes_escape", "without the factor 2"),
]
MUST_NOT_BE_DROPPED = [
    ("μ = 0: directions of the start survive", "kernel_rank_at_most_classes", "positive decay"),
    ("μ = 0 under softmax", "softmax_kernel_rank_below_classes", "positive decay"),
    (
        "decay on the parameters of nonlinear features",
        "kernel_rank_at_most_classes",
        "linear up to the outputs",
    ),
    ("the same under softmax", "softmax_kernel_rank_below_classes", "linear up to the outputs"),
    (
        "C − 1 for other losses than softmax",
        "softmax_kernel_rank_below_classes",
        "softmax cross-entropy",
    ),
    (
        "K(0) with a zero overlap",
        "kernel_flow_reaches_water_filling",
        "overlap with every active mode",
    ),
    (
        "Φ(0) and A(0) with a zero overlap",
        "coupled_flow_reaches_water_filling",
        "overlap with every active mode",
    ),
    (
        "P below the number of active modes",
        "kernel_flow_reaches_water_filling",
        "width of at least the active modes",
    ),
    (
        "P below the active modes, coupled",
        "coupled_flow_reaches_water_filling",
        "width of at least the active modes",
    ),
    ("unequal decays", "imbalance_decays_exponentially", "equal decays"),
    ("unequal rates", "imbalance_decays_exponentially", "equal rates"),
    ("a readout that lags", "kernel_ode", "readout at its ridge optimum"),
    ("features read out nonlinearly", "sgd_feature_noise_is_low_rank", "linear readout"),
    ("a mode below the threshold", "missing_modes_escape", "the missing modes are active"),
    ("a mode at the threshold", "only_full_water_filling_is_stable", "no mode at the threshold"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "name"), [case[1:] for case in MUST_FAIL], ids=[case[0] for case in MUST_FAIL]
)
def test_a_boundary_statement_is_a_mutant_that_dies(claim, name):
    claim = getattr(claims, claim)
    squared = name == "one class fewer"
    strategy = squared_matrices() if squared else claim.instances()
    instance = find(
        strategy, lambda i: claim.mutants[name](i).outcome is Outcome.REFUTED, settings=SEARCH
    )
    assert claim(instance)
    assert not squared or not instance.shift_free


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claim", "name"),
    [case[1:] for case in MUST_NOT_BE_DROPPED],
    ids=[case[0] for case in MUST_NOT_BE_DROPPED],
)
def test_a_hypothesis_that_nobody_checks_is_refuted(claim, name):
    claim = getattr(claims, claim)
    assert find(
        claim.hypotheses[name].dropped(),
        lambda i: claim.without(name)(i).outcome is Outcome.REFUTED,
        settings=SEARCH,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim",
    [
        claims.averaged_kernel_noise_is_low_rank_as_stated,
        claims.parameter_decay_bounds_kernel_rank_as_stated,
    ],
)
def test_a_false_statement_stands_in_the_catalogue_as_refuted(claim):
    assert claim in CLAIMS
    assert claim.expected is Outcome.REFUTED
    assert find(claim.instances(), lambda i: claim(i).outcome is Outcome.REFUTED, settings=SEARCH)
