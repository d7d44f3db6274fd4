"""What is seen of a run: one line per claim at any width, a last line, progress, JSON alone on
standard output, nothing sent to the terminal.
"""

import io
import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest
from evidences import EVERY_OUTCOME
from evidences import catalogue as every_claim
from inner import AS_STATED, HOLDS, WRONG, quick
from rich.cells import cell_len
from rich.console import Console

from impl.errors import visible
from theorems import CLAIMS, Outcome
from theorems.commands.terminal import naming, out, streams
from theorems.evidence import lines
from theorems.evidence.contents import claim_lines, listed
from theorems.evidence.tables import fitted_table

ENTRIES = every_claim(EVERY_OUTCOME)["claims"]


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
@pytest.mark.parametrize(
    "made",
    [lines.fitted, lambda entries, width: lines.planned(CLAIMS, width)],
    ids=["fitted", "planned"],
)
def test_one_line_per_claim_at_every_width(made, width):
    table = made(ENTRIES, width)
    shown = [table.head().plain, *(table.row(entry).plain for entry in ENTRIES)]
    assert max(map(len, shown)) <= width
    assert not any("\n" in line for line in shown)
    for entry, line in zip(ENTRIES, shown[1:], strict=True):
        assert entry["name"] in line or ("…" in line and width < 120)
        assert re.search(r"HOLDS|REFUTED|UNDECIDED|INAPPLICABLE|inapplic|as expected|not run", line)
        assert entry["grade"] is None or entry["grade"][:4].lower() in line.lower()
    assert sum("…" in line for line in shown) <= 3, (
        "only the longest names of what is false as stated lose their middle"
    )


def test_more_columns_where_there_is_room():
    titles = [len(lines.fitted(ENTRIES, width).columns) for width in (80, 120, 160, 250, None)]
    assert titles == sorted(titles)
    assert titles[0] == 6
    assert titles[-1] == 10


@pytest.mark.parametrize(
    ("changes", "words", "style"),
    [
        ({"outcome": "REFUTED", "expected": "REFUTED"}, "REFUTED, as expected", lines.VIOLET),
        ({"outcome": "REFUTED", "expected": "HOLDS"}, "REFUTED (expected HOLDS)", "bold red"),
        ({"outcome": "HOLDS", "expected": "REFUTED"}, "HOLDS (expected REFUTED)", "bold red"),
        ({"outcome": "HOLDS", "expected": "HOLDS"}, "HOLDS", "green"),
        ({"outcome": None, "expected": "HOLDS", "error": "it raised"}, "raised", "bold red"),
        ({"outcome": None, "expected": "HOLDS"}, "not run", "dim"),
    ],
)
def test_an_outcome_has_its_words_and_its_colour(changes, words, style):
    entry = ENTRIES[0] | changes
    assert (lines.outcome(entry), lines.style(entry)) == (words, style)


def test_the_last_line():
    holds, refuted = (
        ENTRIES[0],
        ENTRIES[0]
        | {"outcome": "REFUTED", "expected": "REFUTED", "mutants": {"refuted": 2, "total": 3}},
    )
    none = holds | {"mutants": {"refuted": 0, "total": 0}}
    total = holds["mutants"]["total"]
    assert lines.summing_up([holds, holds, refuted]) == (
        f"3 claims: 2 hold, 1 refuted as expected; {2 * total + 3} mutants, 1 not refuted"
    )
    assert lines.summing_up([none]) == "1 claim: 1 holds"
    assert (
        lines.summing_up([none | {"outcome": "REFUTED"}], missing=4)
        == "5 claims: 1 REFUTED, 4 not reached"
    )


def test_an_exact_refutation_has_no_infinite_ratio():
    entry = ENTRIES[0] | {"outcome": "REFUTED", "grade": "EXACT", "measured": 1.0, "bound": 0.0}
    assert lines.nearest(entry) == "off 1"
    assert lines.nearest(entry | {"measured": None}) == "off"
    assert not any("inf" in lines.nearest(entry) for entry in ENTRIES)


@pytest.mark.slow
def test_generic_points_are_counted_apart(run, tmp_path):
    _, out, _ = run("check", "gram_flow", "--examples", 25, "--json", "e.json")
    (entry,) = json.loads((tmp_path / "e.json").read_text())["claims"]
    assert sum(entry["grades"].values()) == entry["instances"] == 25
    assert entry["generic"]["points"] == sum(entry["generic"]["grades"].values()) > 0
    assert f"+{entry['generic']['points']} generic" in out


@pytest.mark.slow
def test_piped_lines_come_one_by_one_and_the_last_sums_up(run):
    _, shown, _ = run("check", "gram_flow", "feature_learning_equation", "--examples", 2)
    rows = [
        line
        for line in shown.splitlines()
        if line.startswith(("gram_flow ", "feature_learning_equation "))
    ]
    assert len(rows) == 2
    assert shown.splitlines()[-1].startswith("2 claims: 2 hold; ")
    assert streams()


@pytest.mark.slow
def test_counterexamples_to_what_is_false_as_printed_are_shown_where_asked_for(
    run, catalogue, tmp_path
):
    catalogue(AS_STATED)
    code, shown, _ = run("check")
    assert code == 0
    assert "REFUTED, as expected" in shown
    assert "instance:" not in shown
    _, shown, _ = run("check", "--verbose")
    assert "instance: SpikedSeries(" in shown
    _, shown, _ = run("check", "--counterexamples", "found")
    assert re.search(r"script: found/\S+\.py", shown)
    assert "instance:" not in shown


@pytest.mark.slow
def test_unexpected_ones_are_always_shown(run, catalogue):
    catalogue(WRONG)
    assert "instance: LayerTrace(" in run("check", "--examples", 2)[1]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200, None])
def test_the_list_has_a_line_per_claim(width):
    shown = [line.plain for line in claim_lines(map(listed, CLAIMS), width)]
    assert len(shown) == 1 + len(CLAIMS)
    assert width is None or max(map(cell_len, shown)) <= width  # combining marks take no cell
    if width is None or width >= 60:
        assert all(claim.name in line for claim, line in zip(CLAIMS, shown[1:], strict=True))


@pytest.mark.parametrize("arguments", [["--json"], ["--json", "-"], ["gram_*", "--json"]])
def test_list_as_json(run, arguments):
    code, shown, _ = run("list", *arguments)
    content = json.loads(shown)
    assert code == 0
    assert {"name", "statement", "mutants", "hypotheses", "arxiv"} <= set(content["claims"][0])
    assert (
        len(content["claims"]) == (len(CLAIMS) if "gram_*" not in arguments else 7)
        or "gram_*" in arguments
    )


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["check", "falsify", "audit", "errata"])
def test_a_dash_is_standard_output_alone(run, verb):
    arguments = [] if verb == "errata" else ["gram_flow", "--examples", 25]
    names = ["spiked_covariance_series"] if verb == "errata" else []
    code, shown, err = run(verb, *arguments, *names, "--json", "-")
    assert code == 0
    content = json.loads(shown)
    assert "versions" in content
    assert "gram_flow" in err or verb == "errata"
    assert run("show", "gram_flow")[1], "afterwards all is as before"


@pytest.mark.slow
def test_a_dash_is_standard_input_where_evidence_is_read(run, monkeypatch):
    told = json.dumps(every_claim(EVERY_OUTCOME))
    monkeypatch.setattr("sys.stdin", io.StringIO(told))
    code, shown, err = run("badges", "-")
    assert (code, err) == (0, "")
    assert "badges to badges" in shown
    monkeypatch.setattr("sys.stdin", io.StringIO(told))
    assert run("report", "-", "--no-pictures")[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("{"))
    assert "expected JSON in '-'" in run("badges", "-")[2]


@pytest.mark.slow
def test_version_and_module(run):
    code, shown, _ = run("--version")
    assert code == 0
    assert re.fullmatch(r"theorems \d{4}\.\d+\S*\n", shown)
    done = subprocess.run(
        [sys.executable, "-m", "theorems", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == shown


def test_completion_is_there(run):
    done = subprocess.run(
        [sys.executable, "-m", "theorems", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "100"},
    )
    assert "--install-completion" in done.stdout
    assert "--version" in done.stdout


def test_control_characters_are_shown_and_not_sent(run, tmp_path):
    assert visible("a\x1b[2Jb\x07\r\u202e\tc\n") == "a\\x1b[2Jb\\x07\\r\\u202e\tc\n"
    (tmp_path / "net.py").write_text(
        "def made():\n    raise ValueError('\\x1b[2J\\x1b]0;owned\\x07gone')\n"
    )
    code, shown, err = run("check", "--model", "net.py:made")
    assert code == 2
    assert "\x1b" not in shown + err
    assert "\\x1b[2J\\x1b]0;owned\\x07gone" in err
    out.print("a\x1b[2Jb")
    catalogue_name = quick(HOLDS, name="odd\x1b[31m")
    assert "\x1b" not in " ".join(
        visible(line.plain) for line in claim_lines([listed(catalogue_name)], 80)
    )


def test_what_hangs_is_named_while_it_is_called():
    said = []
    with naming("calling net.py:factory", said.append, after=0.01):
        time.sleep(0.2)
    assert said == ["still calling net.py:factory after 0 s"]
    with naming("calling net.py:factory", said.append, after=5):
        pass
    assert len(said) == 1


def on_a_terminal(width, *arguments, cwd):
    """Everything that the command sends to a terminal of this width."""
    master, slave = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {
        "TERM": "xterm",
        "OMP_NUM_THREADS": "1",
    }
    code = (
        "import os, fcntl, termios, struct; fcntl.ioctl(1, termios.TIOCSWINSZ, "
        f"struct.pack('HHHH', 50, {width}, 0, 0)); from theorems.cli import main; main()"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=slave,
        stderr=slave,
        stdin=slave,
        cwd=cwd,
        env=environment,
    )
    os.close(slave)
    seen = io.BytesIO()
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        seen.write(part)
    os.close(master)
    assert running.wait(timeout=60) == 0
    return seen.getvalue().decode()


@pytest.mark.slow
def test_a_terminal_of_80_columns(tmp_path):
    seen = on_a_terminal(
        80,
        "check",
        "gram_flow",
        "spiked_covariance_series_as_stated",
        "--examples",
        5,
        cwd=tmp_path,
    )
    assert "claim 1 of 2" in seen
    assert "elapsed" in seen
    assert "left" in seen
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).replace("\r", "").splitlines()
    table = plain[[line.startswith("claim  ") for line in plain].index(True) :]
    assert max(map(len, table)) <= 80
    assert re.match(r"gram_flow +HOLDS +\w+ +\S+ +4/4 +[\d.]+$", table[1])
    assert re.match(r"spiked_covariance_series_as_stated +as expected +certif", table[2])
    assert table[-1] == "2 claims: 1 holds, 1 refuted as expected; 4 mutants, all refuted"
    assert re.search(r"\x1b\[35m[^\x1b]*as expected", seen), "violet"
    assert Outcome.HOLDS.name in seen


AUDITED = ("claim", "instances", "HOLDS", "refused", "REFUTED", "crashed", "largest")
ROWS = [["a_claim_of_a_long_name_such_as_some_have", "300", "300", "0", "0", "0", "3.7e-02"]] * 2


@pytest.mark.parametrize(
    ("width", "gone"),
    [
        (None, []),
        (200, []),
        (90, ["refused"]),
        (80, ["refused", "crashed"]),
        (70, ["refused", "crashed", "largest"]),
    ],
)
def test_columns_without_a_count_give_way_first(width, gone):
    table = fitted_table(AUDITED, ROWS, width=width, expendable=("largest", "refused", "crashed"))
    assert [column.header for column in table.columns] == [
        name for name in AUDITED if name not in gone
    ]
    assert table.caption == (f"no room for: {', '.join(gone)}" if gone else None)
    screen = Console(width=width or 300, file=io.StringIO())
    screen.print(table)
    lines = screen.file.getvalue().splitlines()
    assert lines[1].startswith(ROWS[0][0])
    assert "…" not in "".join(lines)
    assert len(lines) == 3 + bool(gone)


@pytest.mark.slow
def test_the_table_of_an_audit_fits_80_columns(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, text, _ = run("audit", "kernel_cut_identity", "--examples", 25)
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("claim  "))
    assert re.match(r"kernel_cut_identity +\d+", lines[at + 1])
    assert max(len(line.rstrip()) for line in lines[at:]) <= 80
    assert any(line.startswith("no room for: ") for line in lines[at:])
