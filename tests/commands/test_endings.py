"""How runs end: interrupted, raising, leaving, with a full disk or nobody reading; never with the
code of a pass or a refutation.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from impl import InputError
from theorems import files
from theorems.checking.generic import examine
from theorems.evidence import file as evidence
from theorems.exits import LeftError, kept_running

CLAIMS = """
import os, sys, time
from impl import LayerTrace, Operand, strategies
from theorems import equals

def weight(i: LayerTrace) -> Operand:
    return i.weight

@equals(observed=weight, on=strategies.layer_traces)
def first(i: LayerTrace) -> Operand:
    "W is W."
    return i.weight

@equals(observed=weight, on=strategies.layer_traces)
def second(i: LayerTrace) -> Operand:
    "This one does what it should not."
    {body}
    return i.weight

@equals(observed=weight, on=strategies.layer_traces, mutants={{}})
def third(i: LayerTrace) -> Operand:
    "W is W again."
    return i.weight
"""


@pytest.fixture
def mine(tmp_path):
    """A file of three claims, the second with a body of its own."""

    def write(body):
        (tmp_path / "mine.py").write_text(CLAIMS.format(body=body))
        return "mine.py"

    return write


def command(*arguments, cwd, **options):
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | options.pop("env", {})
    return subprocess.Popen(
        [sys.executable, "-m", "theorems", *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


LEAVING = {
    "sys.exit(0)": "sys.exit(0)",
    "exit without a code": "sys.exit()",
    "os._exit(0)": "os._exit(0)",
    "another program": "os.execvp('true', ['true'])",
    "an exception": "raise ZeroDivisionError('because')",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", LEAVING)
def test_a_claim_that_leaves_or_raises_loses_no_other(run, mine, tmp_path, how):
    code, out, err = run("check", mine(LEAVING[how]), "--examples", 5, "--json", "e.json")
    assert code == 2
    assert "second" in err
    assert out.splitlines()[-1] == "3 claims: 2 hold, 1 raised an error; 3 mutants, all refuted"
    claims = {entry["name"]: entry for entry in evidence.read(tmp_path / "e.json")["claims"]}
    assert [claims[name]["outcome"] for name in ("first", "second", "third")] == [
        "HOLDS",
        None,
        "HOLDS",
    ]
    assert claims["second"]["error"]
    assert "partial" not in json.loads((tmp_path / "e.json").read_text())


def test_a_refutation_is_graver_than_an_error(run, tmp_path, mine):
    mine("raise ZeroDivisionError")
    text = (
        (tmp_path / "mine.py")
        .read_text()
        .replace('"W is W again."\n    return i.weight', '"No."\n    return 2 * i.weight')
    )
    (tmp_path / "mine.py").write_text(text)
    code, out, _ = run("check", "mine.py", "--examples", 5)
    assert code == 1
    assert "1 holds, 1 REFUTED, 1 raised an error" in out


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["falsify", "audit", "plant"])
def test_the_other_searches_go_on_too(run, mine, verb):
    code, out, err = run(verb, mine("raise ZeroDivisionError"), "--examples", 25)
    assert verb == "plant" or "ZeroDivisionError" in out + err, (
        "nothing can be planted in what never runs"
    )
    assert "third" in out
    assert code == 0 if verb == "plant" else code in (1, 2), "an audit counts a crash as a finding"


@pytest.mark.parametrize("where", ["sys.exit(0)", "os._exit(0)", "os.execv('/bin/true', ['true'])"])
@pytest.mark.parametrize("place", ["factory", "module", "forward"])
def test_a_network_that_leaves_is_an_error(run, tmp_path, place, where):
    lines = {"factory": "", "module": "", "forward": "pass"} | {place: where}
    (tmp_path / "net.py").write_text(f"""
import os, sys, torch
{lines["module"]}
class Net(torch.nn.Linear):
    def forward(self, x):
        {lines["forward"]}
        return super().forward(x)
def made():
    {lines["factory"]}
    return Net(3, 2), torch.randn(4, 3), torch.tensor([0, 1, 0, 1]), torch.nn.functional.cross_entropy
""")  # noqa: E501
    code, out, err = run("check", "gram_flow", "--model", "net.py:made")
    assert code == 2, out
    assert "HOLDS" not in out
    assert "exit" in err.lower() or "execv" in err


def test_a_child_may_leave():
    with kept_running():
        child = os.fork()
        if child == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        with pytest.raises(LeftError, match=r"os\._exit\(3\)"):
            os._exit(3)
    assert os._exit.__name__ == "_exit"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", ["check", "falsify"])
def test_an_interrupted_run_tells_what_it_has(tmp_path, mine, number, verb):
    waits = "open('here', 'w').close(); time.sleep(60)"
    names = [f"{mine(waits)}:{name}" for name in ("first", "second", "third")]
    running = command(verb, *names, "--examples", 25, "--json", "e.json", cwd=tmp_path)
    until = time.monotonic() + 120
    while not (tmp_path / "here").exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    assert "first" in out
    assert out.splitlines()[-1].startswith("3 claims: 1 holds, 2 not reached")
    written = evidence.read(tmp_path / "e.json")
    assert written["partial"] == {"reason": "interrupted", "judged": 1, "of": 3}
    assert [entry["outcome"] for entry in written["claims"]] == ["HOLDS", None, None]
    assert written["started"] <= written["finished"]


@pytest.mark.slow
def test_an_interrupted_run_destroys_no_earlier_evidence(run, tmp_path, mine, monkeypatch):
    run("check", mine("pass"), "--examples", 5, "--json", "e.json", "--seed", 3)
    whole = evidence.read(tmp_path / "e.json")
    monkeypatch.setattr(
        "theorems.checking.check.examine",
        lambda claim, **_: examine(claim) if claim.name == "first" else stop(),
    )
    names = ("mine.py:first", "mine.py:second", "--examples", 5, "--json", "e.json")
    code, out, _ = run("check", *names, "--seed", 3)
    assert code == 130
    joined = evidence.read(tmp_path / "e.json")
    assert [entry["outcome"] for entry in joined["claims"]] == ["HOLDS"] * 3
    kept = {entry["name"]: entry.get("kept_from") for entry in joined["claims"]}
    assert kept == {"first": None, "second": whole["started"], "third": whole["started"]}
    assert joined["partial"] == {"reason": "interrupted", "judged": 1, "of": 2, "kept": 2}
    code, out, _ = run("check", *names, "--seed", 4)
    assert evidence.read(tmp_path / "e.json") == joined, "another seed is another run"
    assert "left e.json as it was" in out
    assert evidence.read(tmp_path / "e.partial.json")["seed"] == 4


def test_where_nothing_was_judged_nothing_is_written(run, tmp_path, mine, monkeypatch):
    monkeypatch.setattr("theorems.checking.check.examine", stop)
    assert run("check", mine("pass"), "--examples", 5, "--json", "e.json")[0] == 130
    assert not (tmp_path / "e.json").exists()


def stop(*_, **__):
    raise KeyboardInterrupt


def test_a_refutation_is_kept_though_its_shrinking_is_interrupted(run, tmp_path, mine, monkeypatch):
    mine("return 2 * i.weight")
    monkeypatch.setattr("theorems.checking.check.shrunk", stop)
    code, out, _ = run("check", "mine.py", "--examples", 5, "--json", "e.json")
    assert code == 130
    assert "1 REFUTED, 1 not reached" in out
    assert [entry["outcome"] for entry in evidence.read(tmp_path / "e.json")["claims"]] == [
        "HOLDS",
        "REFUTED",
        None,
    ]


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, 3_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


@pytest.mark.slow
def test_a_full_disk_leaves_what_was_there(tmp_path, mine):
    (tmp_path / "e.json").write_text("what was there\n")
    names = [f"{mine('pass')}:{name}" for name in ("first", "second", "third")]
    running = command(
        "check",
        *names,
        "layerwise_kernel",
        "gram_flow",
        "--examples",
        2,
        "--json",
        "e.json",
        cwd=tmp_path,
        preexec_fn=limited,
    )
    out, err = running.communicate(timeout=120)
    assert running.returncode == 2, out + err
    assert "HOLDS" in out, "what was found is told"
    assert (
        "expected 'e.json' to be written, but File too large; what was there is as it was"
        in " ".join(err.split())
    )
    assert "Traceback" not in err
    assert (tmp_path / "e.json").read_text() == "what was there\n"
    assert not list(tmp_path.glob(".*.part"))


WRITERS = {
    "evidence": lambda path: evidence.write(path, {"schema": 1}),
    "any file": lambda path: files.replace_file(path, "new"),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_whenever_it_fails_the_old_file_is_whole(tmp_path, monkeypatch, name, step, error):
    target = tmp_path / "file"
    target.write_text("old")

    def fail(*_):
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises((InputError, KeyboardInterrupt)):
        WRITERS[name](target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_killed_at_any_moment_the_file_is_the_old_or_the_new_one(tmp_path):
    target = tmp_path / "file"
    sizes = [400_000, 700_000]
    target.write_text("0" * sizes[0])
    code = f"""
import itertools
from pathlib import Path
from theorems.files import replace_file
for turn in itertools.count():
    replace_file(Path({str(target)!r}), str(turn % 2) * {sizes}[turn % 2])
    print(turn, flush=True)
"""
    for delay in (0.0, 0.003, 0.011, 0.02, 0.047):
        running = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        running.stdout.readline()
        time.sleep(delay)
        running.kill()
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        seen = target.read_text()
        assert (set(seen), len(seen)) in [({str(turn)}, size) for turn, size in enumerate(sizes)]


def test_a_target_that_cannot_be_written_is_refused_before_any_work(run, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "pathlib.Path.write_bytes",
        lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only file system")),
    )
    for option in ("--json", "--html", "--counterexamples"):
        code, out, err = run("check", "gram_flow", "--examples", 2, option, "target")
        assert code == 2, err
        assert (
            f"expected {option} to be a place that can be written to, got 'target': "
            "Read-only file system" in " ".join(err.split())
        )
        assert "HOLDS" not in out


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_text("old")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anything
    with pytest.raises(InputError, match="read-only"):
        files.replace_file(target, "new")
    with pytest.raises(InputError, match="read-only"):
        files.require_target(target, "--json")


def test_links_are_followed_and_rights_are_kept(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    files.replace_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640
    files.replace_file(Path("/dev/null"), "gone")


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        "..",
        "-rf",
        "con",
        "NUL.txt",
        "x" * 300,
        "é" * 200,
        "a\x1b[31mb",
        "a\nb",
        "gram_flow: W/Wᵀ",
    ],
)
def test_names_become_names_of_files(tmp_path, name):
    made = files.file_name(name)
    assert len(made.encode()) <= 140
    assert not set(made) & set("/\\\0\n\x1b:*?")
    assert not made.startswith("-")
    (tmp_path / f"{made}.svg").write_text("")
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_of_ours_has_a_code_of_its_own(run, monkeypatch):
    monkeypatch.setattr("theorems.evidence.contents.claim_lines", lambda *_: 1 / 0)
    code, _, err = run("list")
    assert code == 70
    assert "internal, not yours: ZeroDivisionError" in " ".join(err.split())
    assert "Traceback" in err


@pytest.mark.slow
def test_nobody_reads_any_more(tmp_path):
    running = command("list", cwd=tmp_path)
    running.stdout.close()
    with running.stderr:
        err = running.stderr.read()
    assert running.wait(timeout=60) == 141
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_full_standard_output(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "theorems", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


NET = """
import torch
from torch import nn

def made():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    return model, torch.randn(10, 4).double(), torch.arange(10) % 3, nn.CrossEntropyLoss()
"""


def meeting(error):
    """What looks at places, until it comes to one claim."""
    from theorems.own.models import check_places

    def look(claim, available):
        if claim.name == "gram_flow":
            raise error
        return check_places(claim, available)

    return look


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (ZeroDivisionError("because"), 2)]
)
@pytest.mark.parametrize("chunk", [(), ("--chunk", "5")])
def test_a_network_loses_no_claim_to_another(run, tmp_path, monkeypatch, error, code, chunk):
    (tmp_path / "net.py").write_text(NET)
    monkeypatch.setattr("theorems.own.models.check_places", meeting(error))
    names = ("feature_learning_equation", "gram_flow", "target_linearity_laws")
    got, out, err = run("check", *names, "--model", "net.py:made", "--json", "e.json", *chunk)
    if chunk and code == 130:
        assert got == 130, "no claim had seen the whole batch"
        assert not (tmp_path / "e.json").exists()
        return
    assert got == code, out + err
    written = evidence.read(tmp_path / "e.json")
    entries = {entry["name"]: entry for entry in written["claims"]}
    assert entries["feature_learning_equation"]["outcome"] == "HOLDS"
    assert entries["feature_learning_equation"]["seconds"] > 0
    assert entries["gram_flow"]["outcome"] is None
    if code == 2:
        assert "ZeroDivisionError: because" in entries["gram_flow"]["error"]
        assert "ZeroDivisionError: because" in err
        assert entries["target_linearity_laws"]["outcome"] is not None
    else:
        assert written["partial"] == {"reason": "interrupted", "judged": 1, "of": 3}


@pytest.mark.slow
def test_a_report_of_a_network_says_nothing_that_was_not_done(run, tmp_path):
    (tmp_path / "net.py").write_text(NET)
    assert run("check", "gram_flow", "--model", "net.py:made", "--html", "r.html")[0] == 0
    page = (tmp_path / "r.html").read_text()
    for false in ("0 of 0", "0.0 s</dd>", "nothing shows that this check can fail", "not stated"):
        assert false not in page, false
    assert "Not tried on a network" in page
    assert "nothing in this run was left to chance" in page


@pytest.mark.slow
def test_a_report_of_an_exact_refutation_has_no_histogram(run, tmp_path, mine):
    mine("return 2 * i.weight")
    assert run("check", "mine.py:second", "--examples", 30, "--html", "r.html")[0] == 1
    page = (tmp_path / "r.html").read_text()
    assert "where exact arithmetic allows none" in page
    assert 'class="histogram"' not in page
    assert "∞" not in page


@pytest.mark.slow
def test_a_run_says_when_it_began(run, tmp_path, mine):
    before = time.time()
    run("check", mine("time.sleep(0.2)"), "--examples", 5, "--json", "e.json")
    written = evidence.read(tmp_path / "e.json")
    began, ended = (
        datetime.fromisoformat(written[key]).timestamp() for key in ("started", "finished")
    )
    assert before - 1 <= began < ended <= time.time()
