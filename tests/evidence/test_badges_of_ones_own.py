"""Badges of claims that are in no paper: conjectures, wrong variants, what is presupposed of a
network.
"""

import json

import pytest
from inner import HOLDS, WRONG

from theorems import autograd_gives_the_gradient
from theorems.checking.check import check
from theorems.claim import Source
from theorems.evidence import file as evidence
from theorems.evidence.badges import GREY, RED, badges, write_badges
from theorems.evidence.summaries import markdown


def entry(name, claim=HOLDS, **changes):
    nobody = {"name": name, "arxiv": "", "tag": "conjecture", "paper": "Conjectures"}
    return evidence.record(check(claim, examples=2)) | nobody | changes


def content(*records):
    return evidence.document(records, seed=0, profile="default")


@pytest.mark.slow
def test_conjectures_share_a_badge_and_what_is_presupposed_is_none_of_them():
    presupposed = evidence.not_run(autograd_gives_the_gradient)
    made = {
        badge.name: badge
        for badge in badges(content(entry("mine"), presupposed, entry("wrong", WRONG)))
    }
    assert made["conjectures"].message == "1 of 2 refuted"
    assert (made["preconditions"].message, made["preconditions"].color) == ("not run", GREY)
    assert made["mine"].message.startswith("holds")
    assert made["wrong"].color == RED
    text = markdown(content(entry("mine"), presupposed | {"outcome": "HOLDS"}))
    assert text.index("### Conjectures") < text.index("`mine`") < text.index("### Preconditions")


def test_a_conjecture_of_a_paper_is_counted_with_the_paper():
    source = Source("2401.00001", "Conjecture 2", "conjecture")
    made = {badge.name: badge for badge in badges(content(entry("mine", arxiv=source.arxiv)))}
    assert made["arxiv-2401.00001"].label == "arXiv:2401.00001"
    assert "conjectures" not in made


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["theorems", "conjectures", "../evil", "gram_flow: W/Wᵀ as it is", "a.b", "."]
)
def test_every_name_has_a_file_of_its_own_in_the_folder(tmp_path, name):
    folder = tmp_path / "badges"
    made = write_badges(content(entry(name, WRONG), entry("other")), folder)
    assert len({badge.name for badge in made}) == len(made) == 4
    assert len(list(folder.iterdir())) == 8
    assert list(tmp_path.iterdir()) == [folder]
    (own,) = (
        badge
        for badge in made
        if badge.label == name.replace("_", " ") and badge.message.startswith("refuted")
    )
    assert json.loads((folder / f"{own.name}.json").read_text())["message"] == own.message
    assert json.loads((folder / "conjectures.json").read_text())["message"] == "1 of 2 refuted"
    assert json.loads((folder / "theorems.json").read_text())["label"] == "theorems"
