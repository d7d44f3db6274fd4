"""What can be proved of families whose variables satisfy relations: spectra, classes, twins,
projections, powers.
"""

from __future__ import annotations

from functools import partial

from theorems.impl.generic import families
from theorems.impl.generic.family import Family
from theorems.proving.cases import Case, Domain
from theorems.proving.exponents import aligned_teacher, powered_covariance
from theorems.proving.features import decoder, feature_set, labelled_features, weight_step
from theorems.proving.instances import isotropic_pair, single_samples
from theorems.proving.spectra import regression, spectral_task
from theorems.proving.trained import linear_student, matched_pair, readout_ensemble, twin_runs

_STEPS = 3
"""The largest number of steps at which descents are looked at: their forms double with each."""


_LAYERS = 3
"""The largest number of layers at which decoders are looked at."""


def _counted(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps} steps"


RELATED: tuple[tuple[Family, Domain], ...] = (
    (
        families.TWINS,
        Domain(
            "every number of steps by induction, every width, every number of samples, any "
            "symmetric P, any loss, any network behind the first layer",
            (Case("one step from states that agree", twin_runs, wider=True),),
        ),
    ),
    (
        families.ENSEMBLES,
        Domain(
            "every width, every number of samples, every white ensemble of readouts",
            (Case("any white ensemble", readout_ensemble, wider=True),),
        ),
    ),
    (
        families.SPECTRAL_TASKS,
        Domain(
            "every number of samples, every width, every number of classes",
            (Case("any modes", spectral_task, wider=True),),
        ),
    ),
    (
        families.REGRESSIONS,
        Domain(
            "every width, every number of samples, any spectrum, signal and noise",
            (Case("any spectrum", regression),),
        ),
    ),
    (
        families.STUDENTS,
        Domain(
            f"1 to {_STEPS} steps of any rates, every width, every number of samples",
            tuple(
                Case(_counted(t), partial(linear_student, steps=t), wider=True)
                for t in range(1, _STEPS + 1)
            ),
            beyond="more steps",
        ),
    ),
    (
        families.MATCHED_PAIRS,
        Domain(
            f"1 to {_STEPS} steps of any rates, every width, every number of samples",
            tuple(
                Case(_counted(t), partial(matched_pair, steps=t), wider=True)
                for t in range(1, _STEPS + 1)
            ),
            beyond="more steps",
        ),
    ),
    (
        families.FEATURES,
        Domain(
            "every number of samples, every width, every number of targets, features of any rank",
            (Case("any features", feature_set, wider=True),),
        ),
    ),
    (
        families.COLLAPSED,
        Domain(
            "every number of samples, every width, every number of classes of any sizes",
            (
                Case(
                    "class means of full rank", partial(labelled_features, span="all"), wider=True
                ),
                Case(
                    "a simplex of balanced classes",
                    partial(labelled_features, span="zero-sum", equal=True),
                    wider=True,
                ),
            ),
        ),
    ),
    (
        families.SIMPLICES,
        Domain(
            "every number of samples, every width, every number of classes of any sizes",
            (Case("a simplex", partial(labelled_features, span="zero-sum"), wider=True),),
        ),
    ),
    (
        families.WEIGHT_STEPS,
        Domain(
            "every width, weights of any rank, every orthogonal competitor",
            (Case("any step", weight_step, wider=True),),
        ),
    ),
    (
        families.POWERED,
        Domain(
            "every width, every number of independent samples, any spectrum, any real power",
            (Case("any spectrum", powered_covariance, wider=True),),
        ),
    ),
    (
        families.ALIGNED,
        Domain(
            "every width, every number of samples, any spectrum, any real power, every eigenvector",
            (Case("any spectrum", aligned_teacher, wider=True),),
        ),
    ),
    (
        families.DECODERS,
        Domain(
            f"1 to {_LAYERS} layers, every width, every number of codes, every convex mixture",
            tuple(
                Case(f"layers: {n}", partial(decoder, layers=n), wider=True)
                for n in range(1, _LAYERS + 1)
            ),
            beyond="more layers",
        ),
    ),
    (
        families.SINGLES,
        Domain(
            "every number of samples, every width, every number of classes, any loss",
            (Case("every sample a batch", single_samples),),
        ),
    ),
    (
        families.ISOTROPIC_PAIRS,
        Domain(
            "one step, every width, every number of samples",
            (Case("X = X'M and R' = M R, starts N(0, I)", isotropic_pair),),
            beyond="more steps",
        ),
    ),
)
"""What stands for each of them."""
