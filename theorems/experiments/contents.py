"""The experiments as records, for whoever lists or shows them: kept in ``contents.json`` beside
this file, so that to list them imports no torch.

``python -m theorems.experiments.contents`` writes the file;
`tests/experiments/test_experiments_listed.py` holds it to the experiments.
`theorems.evidence.contents.listed_experiments` reads it.
"""

from __future__ import annotations

import json

from theorems.checking.records import Record
from theorems.evidence.contents import EXPERIMENTS_FILE, experiment_sources, listed
from theorems.experiments import EXPERIMENTS
from theorems.experiments.experiment import Experiment
from theorems.files import replace_file


def record_of(one: Experiment) -> Record:
    """What ``list --experiments --json`` says of an experiment."""
    scales = {
        name: {"replicates": scale.replicates, "time": scale.time}
        for name, scale in one.scales.items()
    }
    told = {"reported": one.reported, "protocol": one.differs, "news": one.news, "unit": one.unit}
    return listed(one.claim) | {"experiment": told | {"margins": one.margins, "scales": scales}}


def document() -> Record:
    """What the file has to be."""
    return {
        "sources": experiment_sources(),
        "experiments": [record_of(one) for one in EXPERIMENTS],
    }


if __name__ == "__main__":
    replace_file(EXPERIMENTS_FILE, json.dumps(document(), indent=1, ensure_ascii=False) + "\n")
