"""Experiments on trained networks: the test has its level, mutants are refuted, nothing is lost,
and every one runs at smoke scale.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from scipy import stats

from impl.errors import InputError
from impl.experiments.replicas import (
    features,
    gathered,
    layers,
    normal,
    outputs,
    permutations,
    train,
)
from impl.experiments.runs import Runs, joined
from theorems import CLAIMS
from theorems.claim import Source
from theorems.evidence import file as evidence
from theorems.experiments import EXPERIMENTS
from theorems.experiments.experiment import (
    ALARM,
    Scale,
    decided,
    experiment,
    median_interval,
    replicates_needed,
    summaries,
    wanting,
)
from theorems.experiments.running import Blocks, blocks_of, judge, run, seeds_of
from theorems.verdict import Grade, Outcome

pytest.importorskip("sklearn")
CALLS = []


def tossed(seeds, settings):
    """Normal effects of a given mean, and shuffled ones of mean zero."""
    CALLS.append(tuple(seeds))
    drawn = normal(seeds, stream="effect", dtype=torch.float64).numpy()
    still = normal(seeds, stream="none", dtype=torch.float64).numpy()
    return {
        "gain": drawn + settings["mean"],
        "shuffled": still,
        "curve": np.stack([drawn, drawn], 1),
    }


def scales(mean, replicates=40, block=8):
    return {
        name: Scale(replicates, {"mean": mean}, "no time", block)
        for name in ("smoke", "default", "paper")
    }


def tossing(mean, *, margins=None, replicates=40, **options):
    def gain_is_positive(runs: Runs) -> dict:
        """The gain is positive."""
        return {"gain": runs["gain"]}

    given = {
        "measure": tossed,
        "scales": scales(mean, replicates),
        "margins": margins or {"gain": 0.5},
        "unit": "points",
        "source": Source("2509.25637", "nowhere"),
        "reported": "It is positive.",
        "differs": "Nothing is trained.",
        "mutants": {"labels shuffled": lambda runs: {"gain": runs["shuffled"] - 2}},
    }
    return experiment(**(given | options))(gain_is_positive)


# -- the test --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "outcome"),
    [
        (3.0, Outcome.HOLDS),
        (-3.0, Outcome.REFUTED),
        (0.5, Outcome.UNDECIDED),
        (0.0, Outcome.UNDECIDED),
    ],
)
def test_three_answers(mean, outcome):
    entry = run(tossing(mean), seed=3)
    assert entry["outcome"] == outcome.name
    assert entry["grade"] == "STATISTICAL"
    (effect,) = entry["experiment"]["effects"]
    assert (effect["needed"] is not None) == (outcome is Outcome.UNDECIDED)
    assert entry["false_alarm"] == ALARM


def test_an_effect_below_the_margin_is_refuted_although_it_is_there():
    assert run(tossing(3.0, margins={"gain": 6.0}))["outcome"] == "REFUTED"


def test_the_level_is_exact():
    for count in (14, 20, 33):
        least = next(k for k in range(count + 1) if k > count / 2 and decided(k, count, ALARM))
        assert (
            stats.binom.sf(least - 1, count, 0.5) <= ALARM < stats.binom.sf(least - 2, count, 0.5)
        )
    for above in range(21):
        entry = judge(
            tossing(0.0),
            Runs(
                {"gain": np.r_[np.ones(above), -np.ones(20 - above)], "shuffled": np.zeros(20)},
                tuple(range(20)),
            ),
        )
        # the verdict is that of the same test
        assert (entry.outcome is not Outcome.UNDECIDED) == decided(above, 20, ALARM)
        assert entry.outcome is not (Outcome.REFUTED if above > 10 else Outcome.HOLDS)
        assert entry.grade is Grade.STATISTICAL


def test_parts_share_the_level_and_the_worst_answers():
    def both(runs: Runs) -> dict:
        """Two parts."""
        return {"one": runs["gain"], "other": -runs["gain"]}

    found = experiment(
        measure=tossed,
        scales=scales(3.0),
        margins={"one": 0.0, "other": 0.0},
        unit="points",
        source=Source("2509.25637", "nowhere"),
        reported="Both.",
        differs="Nothing.",
        mutants={},
    )(both)
    entry = run(found)
    assert entry["outcome"] == "REFUTED"
    thirteen = Runs({"gain": np.ones(14)}, tuple(range(14)))
    alone, together = tossing(0.0), tossing(0.0, margins={"gain": 0.5})
    assert alone.claim(thirteen).outcome is together.claim(thirteen).outcome is Outcome.HOLDS
    # 2^-14 is below the level of one part and above that of two
    assert found.claim(thirteen).outcome is not Outcome.HOLDS


def test_the_interval_covers_the_median():
    source = np.random.default_rng(0)
    for count in (10, 20, 24):
        drawn = np.sort(source.standard_cauchy((4000, count)), 1)
        ends = np.array([median_interval(row, 0.99) for row in drawn])
        covered = ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean()
        assert covered >= 0.984
        assert (ends[:, 1] > ends[:, 0]).all()
    assert median_interval(np.ones(4), 0.99) == (-math.inf, math.inf)


def test_undecided_names_a_number_that_decides():
    needed = replicates_needed(14, 20, ALARM)
    assert needed > 20
    assert decided(round(0.7 * needed), needed, ALARM)
    assert replicates_needed(20, 20, ALARM) is None
    assert replicates_needed(10, 20, ALARM) is None  # no number decides at one half
    told = {"replicates": 20, "effects": [None]}
    assert wanting({"above": 20, "needed": None}, told) == ""
    assert f"about {needed} replicates" in wanting({"above": 14, "needed": needed}, told)
    assert "no number of replicates" in wanting({"above": 10, "needed": None}, told)


# -- what is refused -------------------------------------------------------------------------------


def test_a_run_that_diverged_refutes_nothing():
    with pytest.raises(InputError, match=r"diverged at seed \[1\]"):
        Runs({"gain": np.array([1.0, np.nan])}, (0, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margins": {"gain": -1.0}}, "margins of at least zero"),
        ({"margins": {}}, "margins"),
        ({"expected": Outcome.REFUTED}, "expected news"),
        ({"scales": {"smoke": Scale(1, {}, "")}}, "expected the scales smoke, default, paper"),
    ],
)
def test_a_protocol_that_is_none_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        tossing(
            1.0,
            **({"margins": options.pop("margins")} if options.get("margins") else {}),
            **options,
        ) if "margins" not in options else experiment(
            measure=tossed,
            scales=scales(0.0),
            margins=options["margins"],
            unit="",
            source=Source("", ""),
            reported="",
            differs="",
            mutants={},
        )


def test_parts_without_a_margin_and_scales_that_are_none_are_refused():
    with pytest.raises(InputError, match="an effect for each of the parts"):
        run(tossing(1.0, margins={"loss": 0.0}))
    with pytest.raises(InputError, match="a scale among smoke, default, paper"):
        run(tossing(1.0), scale="huge")
    with pytest.raises(InputError, match="theorems experiment NAME"):
        tossing(1.0).claim.instances()


# -- replicates ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_finished_blocks_are_not_run_again(tmp_path):
    found = tossing(3.0)
    CALLS.clear()
    first = run(found, folder=tmp_path)
    assert blocks_of(found.scale("default"), 0) == CALLS
    victim = min(tmp_path.glob("*.json"))
    victim.write_text(victim.read_text()[:40])  # as if the disk had been full
    CALLS.clear()
    again = run(found, folder=tmp_path)
    assert len(CALLS) == 1
    assert again["experiment"] == first["experiment"]
    CALLS.clear()
    run(tossing(2.0), folder=tmp_path)  # other settings are other blocks
    assert len(CALLS) == 5
    blocks = Blocks(tmp_path)
    keys = {
        blocks.key(found, found.scale("default"), seeds) for seeds in ((0, 1), (0, 1, 2), (1, 2))
    }
    assert len(keys) == 3


def test_seeds_are_explicit_and_apart():
    size = Scale(20, {}, "", 8)
    assert seeds_of(size, 2) == tuple(range(2000, 2020))
    assert [len(block) for block in blocks_of(size, 2)] == [8, 8, 4]
    assert not set(seeds_of(size, 2)) & set(seeds_of(size, 3))
    # replicates that are added after a look are not those that were looked at
    assert not set(seeds_of(Scale(20, {}, "", first=20), 2)) & set(seeds_of(size, 2))


@pytest.mark.slow
def test_processes_change_nothing():
    found = next(
        one for one in EXPERIMENTS if one.name == "preconditioner_decides_which_cue_is_used"
    )
    tiny = {
        **found.scale("smoke").settings,
        "steps": 4,
        "looks": 2,
        "samples": 12,
        "tests": 12,
        "width": 4,
    }
    size = Scale(4, tiny, "", 2)
    from theorems.experiments.running import replicates

    one = replicates(found, size, seed=0, blocks=Blocks(), jobs=1)
    two = replicates(found, size, seed=0, blocks=Blocks(), jobs=2)
    assert one.seeds == two.seeds == (0, 1, 2, 3)
    assert all(np.array_equal(one[name], two[name]) for name in one.values)


@pytest.mark.parametrize("optimiser", [torch.optim.Adam, torch.optim.SGD])
def test_a_replica_does_not_depend_on_its_neighbours(optimiser):
    def trained(seeds):
        weights = layers(seeds, (3, 5, 2))
        inputs, targets = normal(seeds, 7, 3, stream="data"), normal(seeds, 7, 2, stream="targets")
        train(
            weights,
            lambda _: (outputs(weights, inputs) - targets).square().mean((1, 2)),
            lambda parameters: optimiser(parameters, lr=0.05),
            steps=5,
        )
        return outputs(weights, inputs)

    together, alone = trained((4, 9)), trained((9,))
    assert torch.allclose(together[1], alone[0], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_replicas_are_the_networks_that_torch_would_train():
    (seed,) = seeds = (5,)
    weights, inputs = (
        layers(seeds, (3, 6, 2), dtype=torch.float64),
        normal(seeds, 9, 3, stream="x", dtype=torch.float64),
    )
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 6, bias=False), torch.nn.ReLU(), torch.nn.Linear(6, 2, bias=False)
    ).double()
    for layer, weight in zip((model[0], model[2]), weights, strict=True):
        layer.weight.data = weight[0].clone()
    assert torch.allclose(outputs(weights, inputs)[0], model(inputs[0]))
    assert torch.allclose(features(weights, inputs)[1][0], model[:2](inputs[0]))
    stepper = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(4):
        stepper.zero_grad()
        model(inputs[0]).square().mean().backward()
        stepper.step()
    train(
        weights,
        lambda _: outputs(weights, inputs).square().mean((1, 2)),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        steps=4,
    )
    assert torch.allclose(weights[0][0], model[0].weight)
    order = permutations(seeds, 9, stream="order")
    assert torch.equal(gathered(inputs, order)[0], inputs[0][order[0]])
    assert seed == 5


def test_blocks_join_in_order():
    one, two = Runs({"a": np.array([1.0])}, (1,)), Runs({"a": np.array([2.0])}, (0,))
    assert joined([one, two])["a"].tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="every seed once"):
        joined([one, one])
    with pytest.raises(InputError, match="expected one of a, got 'b'"):
        one["b"]


# -- every experiment ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What has been trained at smoke scale, for every test of this file that wants it, and for the
    command.
    """
    return Blocks(tmp_path_factory.mktemp("kept") / "replicates")


def strict(part):
    """The schema without leave for fields that it does not describe."""
    if isinstance(part, dict):
        closed = (
            {"additionalProperties": False}
            if "properties" in part and "additionalProperties" not in part
            else {}
        )
        return {key: strict(value) for key, value in part.items()} | closed
    return [strict(item) for item in part] if isinstance(part, list) else part


@pytest.mark.slow
@pytest.mark.parametrize("found", EXPERIMENTS, ids=lambda found: found.name)
def test_every_experiment_runs_at_smoke_scale(found, kept):
    entry = run(found, scale="smoke", blocks=kept)
    document = evidence.document(
        [entry], seed=0, profile="experiments, scale smoke", false_alarm=ALARM
    )
    Draft202012Validator(strict(evidence.schema())).validate(json.loads(evidence.text(document)))
    assert not entry.get("error")
    assert entry["grade"] == "STATISTICAL"
    told = entry["experiment"]
    assert {effect["part"] for effect in told["effects"]} == set(found.margins)
    assert all(len(effect["values"]) == told["replicates"] >= 14 for effect in told["effects"])
    controls = {control["name"]: control["refuted"] for control in entry["mutants"]["each"]}
    assert len(controls) >= 2
    if entry["outcome"] == "HOLDS":
        assert controls["arms swapped"]
    # a false refutation is the worst that can happen: smoke is small, and may leave open what a
    # larger scale decides
    assert entry["outcome"] in (found.claim.expected.name, "UNDECIDED")


def test_experiments_are_claims_of_papers_and_not_of_the_catalogue():
    names = [found.name for found in EXPERIMENTS]
    assert len(set(names)) == len(names)
    assert not set(names) & {claim.name for claim in CLAIMS}
    papers = {claim.source.arxiv for claim in CLAIMS}
    for found in EXPERIMENTS:
        assert found.claim.source.arxiv in papers
        assert "Effect:" in found.claim.statement
        assert found.reported
        assert found.differs
        assert found.scale("default").replicates >= 14


@pytest.mark.slow
def test_the_command_writes_evidence_and_a_figure(run, tmp_path, kept):
    folder = kept.folder.parent
    code, out, _ = run(
        "experiment",
        "preconditioner_decides*",
        "--scale",
        "smoke",
        "--jobs",
        "1",
        "--json",
        "e.json",
        "-o",
        folder,
    )
    assert code in (0, 3)
    written = evidence.read(tmp_path / "e.json")
    (entry,) = written["claims"]
    assert entry["name"] == "preconditioner_decides_which_cue_is_used"
    assert written["false_alarm"] == ALARM
    assert "core high, fixed" in out
    assert (
        (folder / "preconditioner_decides_which_cue_is_used.svg").read_bytes().startswith(b"<?xml")
    )
    assert len(list(kept.folder.glob("cue_runs-0-*.json"))) == 1
    code, _, _ = run("report", "e.json", "-o", "r.html", "--no-pictures")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert code == 0
    assert (
        "theorems experiment preconditioner_decides_which_cue_is_used --seed 0 --scale smoke"
        in page
    )
    assert "Seeds above" in page
    code, _, _ = run("badges", "e.json", "-o", "badges")
    assert code == 0
    assert (tmp_path / "badges" / "preconditioner_decides_which_cue_is_used.svg").exists()


def test_the_command_lists_and_refuses(run):
    code, out, _ = run("experiment")
    assert code == 0
    assert all(found.name in out for found in EXPERIMENTS)
    code, _, err = run("experiment", "noise_robustness")
    assert code == 2
    assert "did you mean noise_robustness_follows_alignment" in " ".join(err.split())
    code, _, err = run("experiment", "--all", "--scale", "huge")
    assert code == 2
    assert "--scale among smoke, default, paper" in " ".join(err.split())
    code, _, err = run("experiment", "--json", "e.json")
    assert code == 2
    assert "or --all" in err


def test_check_knows_no_experiment(run):
    code, _, err = run("check", EXPERIMENTS[0].name)
    assert code == 2
    assert "expected the name of a claim" in err


@pytest.mark.slow
def test_a_figure_is_made_of_the_entry_alone():
    pytest.importorskip("matplotlib")
    from theorems.experiments.figures import figure, rendered

    entry = json.loads(json.dumps(run(tossing(3.0))))
    assert rendered(entry) == rendered(entry)
    axis = figure(entry).axes[0]
    assert axis.get_xlabel() == "effect, points"
    with pytest.raises(InputError, match="expected the entry of an experiment"):
        figure({"name": "gram_flow"})


def test_summaries_keep_the_order_of_the_seeds():
    runs = Runs({"gain": np.array([3.0, 1.0, 2.0]), "shuffled": np.zeros(3)}, (7, 8, 9))
    (summary,) = summaries(tossing(0.0), runs)
    assert summary.effects == (3.0, 1.0, 2.0)
    assert (summary.median, summary.above) == (2.0, 3)


ROOT = Path(__file__).parents[2]
