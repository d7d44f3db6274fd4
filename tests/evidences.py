"""Evidence files for tests of the report: the whole catalogue as if it had been run, with every
outcome that there is.
"""

import json

from theorems import CLAIMS, PAPERS
from theorems.related import related_to

TITLES = {paper.arxiv: paper.title for paper in PAPERS}


def record(claim, **changes):
    """One claim that came out as expected, every optional field filled."""
    refuted = claim.expected.name == "REFUTED"
    mutants = [
        {"name": name, "refuted": True, "instances": 1 + i, "power": None}
        for i, name in enumerate(claim.mutants)
    ]
    hypotheses = [
        {"name": n, "checked": h.check is not None, "bites": True}
        for n, h in claim.hypotheses.items()
    ]
    counterexample = {
        "text": f"{claim.name}: REFUTED (EXACT)\n  measured 1",
        "instance": "Layer([[1]])",
        "script": "print('again')\n",
        "file": None,
    }
    return {
        "name": claim.name,
        "arxiv": claim.source.arxiv,
        "paper": TITLES[claim.source.arxiv],
        "where": claim.source.where,
        "tag": claim.tag,
        "expected": claim.expected.name,
        "statement": claim.statement,
        "summary": claim.summary,
        "outcome": claim.expected.name,
        "grade": "EXACT",
        "grades": {"EXACT": 30, "NUMERICAL": 10},
        "measured": 1.0 if refuted else 2e-16,
        "bound": 0.0 if refuted else 3e-15,
        "instances": 40,
        "inapplicable": 0,
        "undecided": 0,
        "mutants": {
            "refuted": len(mutants),
            "total": len(mutants),
            "median_instances": 1.5,
            "each": mutants,
        },
        "hypotheses": {"bite": len(hypotheses), "total": len(hypotheses), "each": hypotheses},
        "ratios": {"median": 0.02, "largest": 0.4, "histogram": [[-4, 1], [-2, 6], [-1, 3]]},
        "earned": "compared with ==",
        "error_probability": None,
        "counterexample": counterexample if refuted else None,
        "places": [],
        "related": related_to(claim.name),
        "seconds": 0.4,
    } | changes


def catalogue(changes=None, *, only=None):
    """The evidence of all claims, or of those named ``only``; ``changes`` by name."""
    chosen = [claim for claim in CLAIMS if only is None or claim.name in only]
    claims = [record(claim, **(changes or {}).get(claim.name, {})) for claim in chosen]
    content = {
        "schema": 1,
        "seed": 5,
        "profile": "default",
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "started": "2026-11-25T17:57:20+00:00",
        "false_alarm": 3.2e-7,
        "claims": claims,
    }
    return json.loads(json.dumps(content))  # as a file would give it


EVERY_OUTCOME = {
    "gram_flow": {
        "outcome": "REFUTED",
        "measured": 3.0,
        "bound": 0.0,
        "ratios": {"median": 0.1, "largest": 1e5, "histogram": [[-3, 4], [-1, 3], [5, 1]]},
        "counterexample": {
            "text": "gram_flow: REFUTED",
            "instance": "Layer([[1., 2.]])",
            "script": None,
            "file": "a.py",
        },
    },
    "layerwise_kernel": {
        "outcome": "UNDECIDED",
        "grade": "NUMERICAL",
        "grades": {"NUMERICAL": 40},
        "undecided": 40,
    },
    "kernel_ode": {
        "outcome": None,
        "grade": None,
        "grades": {},
        "instances": 0,
        "measured": None,
        "bound": None,
    },
    "kernel_cut_identity": {
        "outcome": "INAPPLICABLE",
        "grade": None,
        "grades": {},
        "inapplicable": 40,
    },
    "gaussian_equivalent_gap_as_stated": {"outcome": "HOLDS", "counterexample": None},
    "gram_operator_flow": {
        "mutants": {
            "refuted": 3,
            "total": 4,
            "each": [{"name": "one left out", "refuted": False, "power": 0.3}],
        }
    },
}
"""Changes after which every standing is there, and a mutant that survived."""


SOME = (
    "kernel_rank_at_most_classes",
    "kernel_ode",
    "only_full_water_filling_is_stable",
    "same_gram_same_training",
    "gaussian_equivalent_gap_as_stated",
    "surrogate_grows_in_expectation",
    "gram_flow",
    "gram_whitening_keeps_the_gram",
    "layerwise_kernel",
    "kernel_cut_identity",
    "gram_operator_flow",
    "spiked_covariance_series_as_stated",
    "feature_learning_equation",
    "gaussian_equivalent_gap",
    "spiked_covariance_series",
)
"""Claims of every paper: a page of these is quick to load."""


def in_parts():
    """What many narrowed runs have left in one file."""
    found = catalogue(EVERY_OUTCOME, only=SOME)
    for at, entry in enumerate(found["claims"]):
        entry["kept_from"] = f"2026-11-29T03:01:{at:02d}+00:00"
    count = len(found["claims"])
    return found | {"partial": {"reason": "narrowed", "judged": 2, "of": count, "kept": count}}


def on_a_network():
    """The evidence of a run on somebody's network: some claims at some places, the others
    nowhere.
    """
    nowhere = {
        "where": "",
        "outcome": "INAPPLICABLE",
        "grade": None,
        "measured": None,
        "bound": None,
        "reason": "no such layer",
    }
    changes = {
        c.name: {"outcome": "INAPPLICABLE", "grade": None, "grades": {}, "places": [nowhere]}
        for c in CLAIMS
    }
    layers = [f"encoder.layers.{i}.linear{j}" for i in range(6) for j in (1, 2)]
    at = [
        {
            "where": w,
            "outcome": "HOLDS",
            "grade": "NUMERICAL",
            "measured": 1e-9,
            "bound": 1e-8,
            "reason": None,
        }
        for w in layers
    ]
    broken = at[1] | {"outcome": "REFUTED", "measured": 0.3, "reason": "entry (0, 3) differs"}
    changes["gram_flow"] = {"outcome": "HOLDS", "grade": "NUMERICAL", "places": at}
    changes["feature_learning_equation"] = {
        "outcome": "REFUTED",
        "grade": "NUMERICAL",
        "places": [at[0], broken, *at[2:]],
    }
    return catalogue(changes) | {"profile": "model nets/mine.py:the net"}
