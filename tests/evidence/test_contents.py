"""What `theorems list` and `show` read is what the claims say, and reading it imports none of
them.
"""

import json
import subprocess
import sys

import pytest

import theorems
from theorems import CLAIMS
from theorems.commands import selection
from theorems.evidence import contents
from theorems.related import RELATED

AGAIN = "python -m theorems.evidence.contents"


def test_the_file_says_what_the_claims_say():
    kept = json.loads(contents.FILE.read_text(encoding="utf-8"))
    made = json.loads(json.dumps(contents.document()))
    assert kept["claims"] == made["claims"], f"write it again: {AGAIN}"
    assert kept["precondition"] == made["precondition"], f"write it again: {AGAIN}"
    assert kept["sources"] == made["sources"], (
        f"a source file has changed, so that lists are slow: {AGAIN}"
    )


def modules(*arguments, first="sys"):
    """What a run of the command prints, and which heavy modules it has imported."""
    code = (
        f"import sys, {first}\nfrom theorems.cli import main\n"
        f"sys.argv = ['theorems', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = [m for m in ('torch', 'scipy', 'numpy', 'hypothesis', "
        "'theorems.catalogue', 'scipy.stats') if m in sys.modules]\n"
        "print('|'.join(heavy), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr.strip().split("|")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("list", "gram_*"), ("list", "--json"), ("show", "*")])
def test_lists_import_no_claim_and_say_the_same(arguments):
    shown, heavy = modules(*arguments)
    assert heavy == [""]
    assert modules(*arguments, first="theorems.catalogue")[0] == shown


@pytest.mark.slow
def test_one_claim_is_checked_without_the_catalogue():
    shown, heavy = modules("check", "gram_flow", "--examples", "1")
    assert "HOLDS" in shown
    assert {"theorems.catalogue", "scipy.stats"}.isdisjoint(heavy)


@pytest.fixture
def forgotten():
    """The catalogue as if nobody had imported it; put back for later tests, in both places that
    remember it.
    """
    first = sys.modules.pop("theorems.catalogue")
    yield
    sys.modules["theorems.catalogue"] = theorems.catalogue = first


@pytest.mark.usefixtures("forgotten")
def test_a_source_that_has_changed_is_believed(monkeypatch, tmp_path):
    """The file is not: the claims are asked."""
    stale = json.loads(contents.FILE.read_text(encoding="utf-8"))
    stale["claims"] = stale["claims"][:1]
    monkeypatch.setattr(contents, "FILE", tmp_path / "contents.json")
    contents.FILE.write_text(json.dumps(stale))
    assert len(contents.contents()[1]) == 1
    stale["sources"]["catalogue.py"] = "changed"
    contents.FILE.write_text(json.dumps(stale))
    assert len(contents.contents()[1]) == len(CLAIMS)


def test_what_is_shown_as_corrected_is_what_the_catalogue_says():
    from theorems.catalogue import CORRECTED

    assert {first: second for first, how, second in RELATED if how == "corrected by"} == CORRECTED


@pytest.mark.parametrize("names", [["gram_flow"], ["gram_flow", "kernel_ode"], ["gram_*"], []])
def test_a_claim_that_is_imported_alone_is_the_one_of_the_catalogue(names, request):
    whole = selection.select(names)
    request.getfixturevalue("forgotten")
    assert [claim.name for claim in selection.select(names)] == [claim.name for claim in whole]
    assert all(one is other for one, other in zip(selection.select(names), whole, strict=True))


def test_a_public_name_that_is_no_claim_is_no_claim(run):
    code, _, err = run("check", "check")
    assert code == 2
    assert "expected the name of a claim" in err
