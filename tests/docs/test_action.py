"""The GitHub Action: its steps fit together, and its scripts are run as they stand, on a repository
with a remote of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "id" in step}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are bash")


def git(*arguments, cwd):
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A clone with one commit, and its remote."""
    git("init", "-q", "--bare", "remote", cwd=tmp_path)
    git("clone", "-q", "remote", "mine", cwd=tmp_path)
    mine = tmp_path / "mine"
    (mine / "README.md").write_text("mine\n")
    git("add", ".", cwd=mine)
    git("-c", "user.name=me", "-c", "user.email=me@example.org", "commit", "-qm", "first", cwd=mine)
    git("push", "-q", "origin", "HEAD:refs/heads/main", cwd=mine)
    return mine


def run(step, cwd, **inputs):
    """Run one script as the runner does, with inputs in place of the expressions."""
    given = {name: value.get("default", "") for name, value in ACTION["inputs"].items()} | inputs

    def value(expression):
        found = re.fullmatch(r"\$\{\{ (.*) \}\}", expression)
        if found is None:
            return expression
        kind, name = found[1].split(".", 1)
        return given[name] if kind in ("inputs", "steps") else given.get(found[1], str(ROOT))

    scratch = cwd.parent
    environment = os.environ | {name: value(text) for name, text in STEPS[step]["env"].items()}
    environment |= {
        "GITHUB_OUTPUT": str(scratch / "output"),
        "GITHUB_STEP_SUMMARY": str(scratch / "summary"),
    }
    environment |= {
        name: text for name, text in inputs.items() if name.startswith(("GITHUB_", "PYTEST_"))
    }
    environment["PATH"] = f"{scratch / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]["run"]],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def stand_in(repository, body):
    """A ``python`` that only notes how it is called."""
    script = repository.parent / "bin" / "python"
    script.parent.mkdir()
    script.write_text(f"#!/bin/bash\n{body}\n")
    script.chmod(0o755)


NOTE = 'printf "%s\\n" "$@" > "$(dirname "$0")/called"'


def called(repository):
    return (repository.parent / "bin" / "called").read_text().splitlines()


def test_every_input_is_used_and_reaches_scripts_as_a_variable_only():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text
    for step in STEPS.values():
        assert "${{" not in step["run"], "what stands in an input must not become code"
        for name in step["env"]:
            assert (
                name.startswith("PIP_") or f"${name}" in step["run"] or f"${{{name}" in step["run"]
            )


def test_the_workflow_names_inputs_that_there_are():
    workflow = yaml.safe_load(
        (ROOT / ".github" / "workflows" / "badges.yml").read_text(encoding="utf-8")
    )
    (step,) = (step for step in workflow["jobs"]["badges"]["steps"] if step.get("uses") == "./")
    assert set(step["with"]) <= set(ACTION["inputs"])


def test_it_installs_what_is_asked_for(repository):
    stand_in(repository, NOTE)
    assert run("install", repository, install="-e . extra; touch pwned").returncode == 0
    assert called(repository) == [
        "-m",
        "pip",
        "install",
        "--quiet",
        "-e",
        ".",
        "extra;",
        "touch",
        "pwned",
    ]
    assert not (repository / "pwned").exists()
    run("install", repository)
    assert called(repository)[:6] == [
        "-m",
        "pip",
        "install",
        "--quiet",
        f"{ROOT}[report]",
        "pytest>=8",
    ]


def test_inputs_become_options(repository):
    stand_in(repository, NOTE)
    inputs = {
        "claims": "gram_*\n  layerwise_kernel",
        "fail-under": "NUMERICAL",
        "model": "net.py:f",
        "tests": "tests a",
        "html": "false",
    }
    done = run("check", repository, **inputs)
    assert done.returncode == 0, done.stderr
    options = called(repository)
    assert options[:3] == ["-m", "pytest", "--theorems"]
    assert options[-2:] == ["tests", "a"]
    assert {
        "--claim=gram_*",
        "--claim=layerwise_kernel",
        "--theorems-fail-under=NUMERICAL",
        "--theorems-model=net.py:f",
    } < set(options)
    assert not any("html" in option or "ignore" in option for option in options)
    assert "addopts=" in options, "what the caller's own runs are given is not for this one"
    run("check", repository)
    assert "--theorems-html=theorems-report/report.html" in called(repository)
    assert not any(
        option.startswith(("--claim", "--theorems-model", "--theorems-fail-under"))
        for option in called(repository)
    )


@pytest.mark.slow
def test_it_checks_and_publishes(repository):
    (repository / "test_mine.py").write_text("def test_mine(): assert False, 'not asked for'\n")
    done = run("check", repository, claims="gram_flow", examples="2", html="false")
    assert done.returncode == 0, done.stdout + done.stderr
    output = dict(
        line.split("=", 1) for line in (repository.parent / "output").read_text().splitlines()
    )
    evidence = json.loads((repository / output["evidence"]).read_text())
    assert [claim["name"] for claim in evidence["claims"] if claim["outcome"]] == ["gram_flow"]
    assert (repository.parent / "summary").read_text().startswith("## theorems: ")
    for _ in range(2):  # the second time the branch is there
        done = run(
            "publish",
            repository,
            **{"badges-branch": "badges", "check.outputs.badges": output["badges"]},
        )
        assert done.returncode == 0, done.stderr
    published = git(
        "ls-tree", "--name-only", "badges", cwd=repository.parent / "remote"
    ).splitlines()
    assert {"gram_flow.svg", "gram_flow.json", "theorems.svg"} < set(published)
    assert all(name.endswith((".svg", ".json")) for name in published)
    assert git("rev-list", "--count", "badges", cwd=repository.parent / "remote") == "1"
    assert git("branch", "--list", cwd=repository).split() == [
        "*",
        git("branch", "--show-current", cwd=repository),
    ]
    assert git("worktree", "list", cwd=repository).count("\n") == 0


def test_a_check_that_fails_fails_the_step(repository):
    stand_in(repository, "exit 4")
    assert run("check", repository, claims="gram_flaw").returncode == pytest.ExitCode.USAGE_ERROR
    done = run(
        "publish",
        repository,
        **{"badges-branch": "badges", "check.outputs.badges": "theorems-report/badges"},
    )
    assert (done.returncode, done.stdout) == (0, "::warning::no badges to publish\n")


PUBLISH = {"badges-branch": "badges", "check.outputs.badges": "made"}
DEFAULT = "github.event.repository.default_branch"


@pytest.fixture
def made(repository):
    """Badges of a run."""
    (repository / "made").mkdir()
    for suffix in ("svg", "json"):
        (repository / "made" / f"theorems.{suffix}").write_text("{}")
    return repository


def commit(repository, branch, name, author):
    """Put a file on a branch of the remote."""
    tree = repository.parent / "other"
    git("clone", "-q", "remote", "other", cwd=repository.parent)
    git("checkout", "-q", "--orphan", branch, cwd=tree)
    git("rm", "-rfq", "--ignore-unmatch", ".", cwd=tree)
    (tree / name).write_text("mine\n")
    git("add", ".", cwd=tree)
    git("-c", "user.name=me", "-c", f"user.email={author}", "commit", "-qm", "mine", cwd=tree)
    git("push", "-qf", "origin", f"HEAD:refs/heads/{branch}", cwd=tree)
    return git("rev-parse", "HEAD", cwd=tree)


def tip(repository, branch):
    return git("rev-parse", f"refs/heads/{branch}", cwd=repository.parent / "remote")


REFUSED = {
    "the default branch": ({"badges-branch": "main", DEFAULT: "main"}, "which holds the code"),
    "the default branch, nobody says so": (
        {"badges-branch": "main", DEFAULT: ""},
        "which holds the code",
    ),
    "the branch of the run": (
        {"badges-branch": "topic", "GITHUB_REF_NAME": "topic"},
        "which holds the code",
    ),
    "no name of a branch": ({"badges-branch": "a..b"}, "expected the name of a branch"),
    "a pull request": ({"GITHUB_EVENT_NAME": "pull_request"}, "it publishes nothing"),
    "a pull request with rights": (
        {"GITHUB_EVENT_NAME": "pull_request_target"},
        "it publishes nothing",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_does_not_push_over_anything_but_its_own_branch(made, case):
    inputs, message = REFUSED[case]
    git("symbolic-ref", "HEAD", "refs/heads/main", cwd=made.parent / "remote")
    git("checkout", "-q", "--detach", cwd=made)
    before = tip(made, "main")
    done = run("publish", made, **PUBLISH | inputs)
    assert done.returncode == 1
    assert message in done.stdout
    assert tip(made, "main") == before
    assert git("branch", "--list", cwd=made.parent / "remote").split() == ["*", "main"]


@pytest.mark.parametrize(
    ("name", "author", "message"),
    [
        ("code.py", "theorems@users.noreply.github.com", "which holds code.py"),
        ("package.json", "me@example.org", "expected a branch that this action has made"),
    ],
)
def test_a_branch_of_somebody_else_is_let_be(made, name, author, message):
    before = commit(made, "badges", name, author)
    done = run("publish", made, **PUBLISH)
    assert done.returncode == 1
    assert message in done.stdout
    assert tip(made, "badges") == before


def test_it_publishes_on_a_push_and_replaces_its_own_branch_only_as_it_saw_it(made):
    for text in ("first", "second"):
        (made / "made" / "theorems.svg").write_text(text)
        done = run("publish", made, **PUBLISH, GITHUB_EVENT_NAME="push")
        assert done.returncode == 0, done.stdout + done.stderr
        assert git("show", "badges:theorems.svg", cwd=made.parent / "remote") == text
    assert "--force-with-lease" in STEPS["publish"]["run"]
    assert "push --quiet --force " not in STEPS["publish"]["run"]


def test_it_publishes_neither_from_pull_requests_nor_after_a_cancel():
    condition = STEPS["publish"]["if"]
    assert "!cancelled()" in condition
    assert "github.event_name" in condition
    assert "pull_request" not in condition, "what may publish is listed, not what may not"
    assert not any("always()" in step.get("if", "") for step in ACTION["runs"]["steps"])


@pytest.mark.slow
def test_the_callers_options_are_not_its_own(repository):
    (repository / "pytest.ini").write_text(
        "[pytest]\naddopts = --collect-only --no-such-option\ntheorems_claims = "
        "layerwise_kernel\ntheorems_fail_under = EXACT\n"
    )
    done = run(
        "check",
        repository,
        claims="gram_flow",
        examples="2",
        html="false",
        PYTEST_ADDOPTS="--no-such-option",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    evidence = json.loads((repository / "theorems-report" / "evidence.json").read_text())
    assert [claim["name"] for claim in evidence["claims"] if claim["outcome"]] == ["gram_flow"]


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda file: file.name
)
def test_every_workflow_has_the_least_rights(file):
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] in ({}, {"contents": "read"}), (
        "what more a job needs, it says itself"
    )
    writes = {
        name for name, job in workflow["jobs"].items() if "write" in str(job.get("permissions"))
    }
    assert writes <= {"badges", "deploy"}
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout") and name not in writes:
                assert step["with"]["persist-credentials"] is False
