"""``pytest benchmarks/test_model_speed.py --benchmark-only``: a check of a network of fixed size,
and a record of a watched training beside a step of it.
"""

import model_networks
import pytest
import torch

from theorems import Outcome
from theorems.own.factories import subject_of
from theorems.own.models import check_subject
from theorems.own.monitor import History


@pytest.mark.parametrize("name", model_networks.NETWORKS)
def test_check(benchmark, name):
    benchmark.group = f"check of {name}"
    subject = subject_of(model_networks.NETWORKS[name]())
    results = benchmark.pedantic(lambda: check_subject(subject), rounds=2, iterations=1)
    assert Outcome.REFUTED not in {result.verdict.outcome for result in results}


@pytest.mark.parametrize("name", model_networks.NETWORKS)
def test_step(benchmark, name):
    benchmark.group = f"training of {name}"
    model, inputs, targets, loss = model_networks.NETWORKS[name]()
    optimiser = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step():
        optimiser.zero_grad()
        loss(model(inputs), targets).backward()
        optimiser.step()

    benchmark(step)


@pytest.mark.parametrize("name", model_networks.NETWORKS)
def test_record(benchmark, name):
    benchmark.group = f"training of {name}"
    task = model_networks.NETWORKS[name]()
    history = History(subject_of(task))
    history.decays.learn(torch.optim.SGD(task[0].parameters(), lr=1e-3))
    history.record()
    benchmark(history.record)
    assert history.rows
