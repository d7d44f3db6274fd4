"""What tests share: the command as a user runs it, pytest inside pytest, and pages of the report in
a browser.
"""

import os
import shutil
import signal
import sys
from urllib.parse import quote

import pytest
from _pytest.pytester import SysModulesSnapshot
from evidences import EVERY_OUTCOME, SOME, in_parts, on_a_network
from evidences import catalogue as every_claim
from pages import DOT

from theorems.cli import main
from theorems.evidence import file as evidence
from theorems.report import Picture, render

# what a test puts in place of something is not there in another process
os.environ["THEOREMS_JOBS"] = "1"
# workers of pytest-xdist are told 80, and would show narrower tables
os.environ.pop("COLUMNS", None)
# a run in the background of a shell ignores interrupts, and so would commands that tests interrupt
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the command as a user does, in an empty folder; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["theorems", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        seen = capsys.readouterr()
        return exit_.value.code or 0, seen.out, seen.err

    return call


@pytest.fixture(autouse=True)
def remember(request, monkeypatch):
    """Pytester forgets what an inner run imported first; torch cannot be imported twice."""
    if "pytester" not in request.fixturenames:
        return

    def ours(name):
        return "pytest-of-" not in str(getattr(sys.modules.get(name), "__file__", ""))

    monkeypatch.setattr(
        "_pytest.pytester.SysModulesSnapshot",
        lambda preserve=None: SysModulesSnapshot(preserve=ours),
    )


@pytest.fixture
def catalogue(monkeypatch):
    """Replace the catalogue."""

    def change(*claims):
        monkeypatch.setattr("theorems.catalogue.CLAIMS", claims)

    return change


@pytest.fixture
def evidence_of(pytester):
    """Run pytest in an empty folder; give the result and the claims of its evidence file by name,
    none if it wrote none.
    """

    def call(*arguments):
        result = pytester.runpytest_inprocess(
            "--theorems-json", "e.json", "-p", "no:benchmark", *arguments
        )
        written = pytester.path / "e.json"
        claims = evidence.read(written)["claims"] if written.exists() else []
        return result, {entry["name"]: entry for entry in claims}

    return call


@pytest.fixture(scope="module")
def browser():
    """A browser without a window."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install 'theorems[test]'"
    )
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if chromium is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Addresses of pages of the report, by name."""
    folder = tmp_path_factory.mktemp("report")
    pages = {
        "all": render(every_claim(EVERY_OUTCOME)),
        "some": render(
            every_claim(EVERY_OUTCOME, only=SOME),
            pictures={"2601.00276": [Picture("dot", "A dot.", DOT)]},
        ),
        "network": render(on_a_network()),
        "parts": render(in_parts()),
        "empty": render(every_claim() | {"claims": []}),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: f"file://{quote(str(folder))}/{name}.html" for name in pages}


@pytest.fixture
def visit(browser, files):
    """Open a page; at the end it must have been silent and have asked for nothing but itself."""
    contexts, troubles = [], []

    def note(request):
        if not request.url.startswith(("file://", "data:")):
            troubles.append(f"request to {request.url}")

    def call(name="some", anchor="", *, script="", **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", note)
        page.add_init_script(script)
        page.goto(files[name] + anchor)
        return page

    yield call
    for context in contexts:
        context.close()
    assert not troubles
