"""Mistakes with the plugin: each is one clear line, pytest's exit code for usage, no traceback, and
no verdict.
"""

import sys

import pytest
from inner import AS_STATED, HOLDS, OTHER

pytest_plugins = "pytester"

NET = """
import torch
from torch.nn import functional
batch = torch.zeros(4, 3), torch.zeros(4, dtype=torch.long)
def raises(): raise KeyError("weights.pt")
def exits(): raise SystemExit(3)
def nothing(): return None
def a_class(): return torch.nn.Linear, *batch, functional.cross_entropy
def three(): return torch.nn.Linear(3, 2), batch[0], functional.cross_entropy
def arrays(): return torch.nn.Linear(3, 2), batch[0].numpy(), batch[1], functional.cross_entropy
def wrong_shape(): return torch.nn.Linear(5, 2), *batch, functional.cross_entropy
def no_scalar(): return torch.nn.Linear(3, 2), *batch, lambda a, b: a
def no_layers(): return torch.nn.Flatten(), *batch, functional.cross_entropy
def nan(): return torch.nn.Linear(3, 2), batch[0] / 0, batch[1], functional.cross_entropy
def takes(argument): return None
number = 3
"""

MISTAKES = {
    "unknown claim": (
        ["--claim", "gram_flaw"],
        "*expected the name of a claim*got 'gram_flaw'; did you mean gram_flow?*",
    ),
    "empty claim": (["--claim", ""], "*expected the name of a claim*got ''*"),
    "unknown node id": (["theorems::gram_flaw"], "*got 'gram_flaw'; did you mean gram_flow?*"),
    "examples are no number": (
        ["--theorems-examples", "many"],
        "*expected --theorems-examples to be an integer, got 'many'*",
    ),
    "no examples": (
        ["--theorems-examples", "0"],
        "*expected --theorems-examples from 1 to 2^63 − 1, got 0*",
    ),
    "negative seed": (
        ["--theorems-seed", "-1"],
        "*expected --theorems-seed from 0 to 2^63 − 1, got -1*",
    ),
    "unknown grade": (
        ["--theorems-fail-under", "exakt"],
        "*EXACT, CERTIFIED, NUMERICAL, STATISTICAL, got 'exakt'; did you mean EXACT?*",
    ),
    "json is a folder": (
        ["--theorems-json", "."],
        "*expected --theorems-json to be a file, got the folder*",
    ),
    "json in no folder": (
        ["--theorems-json", "no/e.json"],
        "*expected --theorems-json in an existing folder, got *no/e.json*",
    ),
    "json is nothing": (["--theorems-json", ""], "*expected --theorems-json FILE, got nothing*"),
    "html in no folder": (
        ["--theorems-html", "no/e.html"],
        "*expected --theorems-html in an existing folder*",
    ),
    "markdown is a folder": (
        ["--theorems-markdown", "."],
        "*expected --theorems-markdown to be a file*",
    ),
    "badges is a file": (
        ["--theorems-badges", "net.py"],
        "*expected --theorems-badges to be a folder, got the file*",
    ),
    "scripts in a file": (
        ["--theorems-counterexamples", "net.py"],
        "*expected --theorems-counterexamples to be a folder, got the file*",
    ),
    "scripts below a file": (
        ["--theorems-counterexamples", "net.py/found"],
        "*expected --theorems-counterexamples to be a folder, got the file*",
    ),
    "badges below a file": (
        ["--theorems-badges", "net.py/b"],
        "*expected --theorems-badges to be a folder, got the file*",
    ),
    "what is presupposed of no network": (
        ["--claim", "autograd_gives_the_gradient"],
        "*expected a network of yours for autograd_gives_the_gradient, got none*",
    ),
    "model without factory": (
        ["--theorems-model", "net.py"],
        "*expected FILE.py:FACTORY or package.module:FACTORY, got 'net.py'*",
    ),
    "model file is not there": (
        ["--theorems-model", "nat.py:factory"],
        "*expected an existing file, got 'nat.py'*",
    ),
    "module is not there": (
        ["--theorems-model", "no.such:factory"],
        "*expected 'no.such' to import*ModuleNotFoundError*",
    ),
    "no such factory": (
        ["--theorems-model", "net.py:raise"],
        "*expected a factory 'raise' in net.py*did you mean raises*",
    ),
    "factory is no function": (
        ["--theorems-model", "net.py:number"],
        "*expected a factory 'number' in net.py, got int*",
    ),
    "factory takes arguments": (
        ["--theorems-model", "net.py:takes"],
        "*expected a factory without arguments, got takes(argument)*",
    ),
    "factory raises": (["--theorems-model", "net.py:raises"], "*it raised KeyError: 'weights.pt'*"),
    "factory exits": (["--theorems-model", "net.py:exits"], "*it raised SystemExit: 3*"),
    "factory returns nothing": (
        ["--theorems-model", "net.py:nothing"],
        "*expected net.py:nothing to return (model, inputs*got NoneType*",
    ),
    "factory returns a class": (
        ["--theorems-model", "net.py:a_class"],
        "*got the class Linear; call it to make one*",
    ),
    "factory returns three things": (
        ["--theorems-model", "net.py:three"],
        "*expected targets that the loss accepts*",
    ),
    "arrays for tensors": (
        ["--theorems-model", "net.py:arrays"],
        "*got ndarray; wrap arrays in torch.as_tensor*",
    ),
    "inputs that do not fit": (["--theorems-model", "net.py:wrong_shape"], "*4x3 and 5x2*"),
    "loss is no scalar": (["--theorems-model", "net.py:no_scalar"], "*scalar*"),
    "inputs are not finite": (["--theorems-model", "net.py:nan"], "*expected finite numbers*"),
    "model has no layers": (["--theorems-model", "net.py:no_layers"], "*expected *layer*"),
    "only false statements on a model": (
        ["--theorems-model", "net.py:nan", "--claim", "*_as_stated"],
        "*got only statements that are kept as printed*",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(pytester, catalogue, mistake):
    catalogue(HOLDS, OTHER, AS_STATED)
    pytester.makepyfile(net=NET)
    arguments, message = MISTAKES[mistake]
    result = pytester.runpytest_inprocess(
        "--theorems", "-p", "no:benchmark", "-p", "no:cacheprovider", *arguments
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert len([line for line in result.errlines if line.strip()]) == 1
    result.stderr.fnmatch_lines(["ERROR: " + message])
    for output in (result.stdout, result.stderr):
        output.no_fnmatch_line("*Traceback*")
        output.no_fnmatch_line("*HOLDS*")


@pytest.mark.parametrize("package", ["jinja2", "math_core"])
def test_a_report_that_cannot_be_made_is_refused_before_any_work(
    pytester, catalogue, monkeypatch, package
):
    from theorems.report import page, statements

    catalogue(HOLDS)
    page._environment.cache_clear()
    statements.statement.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    result = pytester.runpytest_inprocess(
        "--theorems", "-p", "no:benchmark", "--theorems-html", "r.html"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: --theorems-html needs the extra: pip install 'theorems*report*' (*{package}*"]
    )


INI = {
    "theorems_examples = few": "*expected --theorems-examples to be an integer, got 'few'*",
    "theorems_fail_under = good": "*expected --theorems-fail-under PROVED*got 'good'*",
    "theorems_claims = gram_flaw": "*did you mean gram_flow?*",
    "theorems_json = no/e.json": "*expected --theorems-json in an existing folder*",
    "theorems_model = nat.py:factory": "*expected an existing file*nat.py*",
}


@pytest.mark.parametrize("line", INI)
def test_a_mistake_in_the_ini_file_is_one_line(pytester, catalogue, line):
    catalogue(HOLDS, OTHER, AS_STATED)
    pytester.makeini(f"[pytest]\ntheorems = true\n{line}\n")
    result = pytester.runpytest_inprocess("-p", "no:benchmark")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: " + INI[line]])
    result.stderr.no_fnmatch_line("*Traceback*")


MARKERS = {
    '@pytest.mark.claim("gram_flaw")': "*::test_it: expected the name of a claim*got "
    "'gram_flaw'; did you mean gram_flow?*",
    "@pytest.mark.claim()": '*::test_it: expected @pytest.mark.claim("name of a claim"), got no '
    "name*",
    "@pytest.mark.claim": '*::test_it: expected @pytest.mark.claim("name of a claim"), got no '
    "name*",
    "@pytest.mark.claim(3)": '*::test_it: expected @pytest.mark.claim("name of a claim"), got int*',
    '@pytest.mark.claim(name="gram_flow")': '*::test_it: expected @pytest.mark.claim("name of a '
    'claim"), got name*',
}


@pytest.mark.slow
@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_of_no_claim_is_an_error_of_the_collection(pytester, marker):
    pytester.makepyfile(f"import pytest\n{marker}\ndef test_it(): pass\ndef test_other(): pass\n")
    result = pytester.runpytest_inprocess("-p", "no:benchmark")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([MARKERS[marker]])
    result.stdout.no_fnmatch_line("*Traceback*")
