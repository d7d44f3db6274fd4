"""The report in a real browser: it can be filtered, searched, copied from, printed and reached, and it asks nobody for anything."""

import itertools
import re
import shutil
from urllib.parse import quote

import pytest
from evidences import EVERY_OUTCOME, SOME, catalogue, on_a_network

from theorems import CLAIMS
from theorems.report import Picture, render

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'theorems[test]'")
expect = sync_api.expect

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")

DOT = b"<svg xmlns='http://www.w3.org/2000/svg' width='900' height='300'><circle r='9'/></svg>"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    pages = {
        "all": render(catalogue(EVERY_OUTCOME)),
        "some": render(catalogue(EVERY_OUTCOME, only=SOME), pictures={"2601.00276": [Picture("dot", "A dot.", DOT)]}),
        "network": render(on_a_network()),
        "empty": render(catalogue() | {"claims": []}),
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


def shown(page):
    return page.evaluate(
        "[...document.querySelectorAll('.claim')].filter(c => c.checkVisibility()).map(c => c.id.slice(6))"
    )


def wanted(keep):
    return [claim["name"] for claim in catalogue(EVERY_OUTCOME, only=SOME)["claims"] if keep(claim)]


def test_filters_narrow_by_every_facet_and_live_in_the_address(visit, files):
    page = visit()
    assert shown(page) == wanted(lambda claim: True)
    page.get_by_role("checkbox", name="undecided").check()
    assert shown(page) == ["layerwise_kernel"]
    assert page.locator("#count").inner_text() == f"1 of {len(SOME)} claims"
    page.get_by_role("checkbox", name="not run").check()
    assert shown(page) == ["kernel_ode", "layerwise_kernel"], "two of one facet: either"
    page.get_by_role("checkbox", name="Task-driven kernel flows").check()
    assert shown(page) == ["kernel_ode"], "two facets: both"
    assert page.locator(".paper:visible").count() == 1
    page.goto("about:blank")
    page.go_back()
    assert shown(page) == ["kernel_ode"], "the address brings the filters back"
    address = page.url
    page.locator(".filters [data-reset]").click()
    assert len(shown(page)) == len(SOME)
    page.goto(files["empty"])
    page.goto(address)
    assert shown(page) == ["kernel_ode"]
    page.get_by_role("checkbox", name="no grade").check()
    page.get_by_role("checkbox", name="derived").check()
    assert shown(page) == []
    page.get_by_role("button", name="Show all claims").first.click()
    assert len(shown(page)) == len(SOME)


@pytest.mark.parametrize(("facet", "field"), [("grade", "grade"), ("paper", "arxiv"), ("tag", "tag")])
def test_every_option_of_a_facet_shows_what_it_counts(visit, facet, field):
    page = visit()
    for box in page.locator(f"input[name={facet}]").all():
        box.check()
        value = box.get_attribute("value")
        names = wanted(lambda claim, value=value: (claim[field] or "none") == value)
        assert shown(page) == names
        assert box.locator("xpath=../span[@class='n']").inner_text() == str(len(names))
        box.uncheck()


def test_search_finds_words_of_statements_names_and_nothing_else(visit):
    page = visit()
    page.get_by_role("searchbox").fill("Procrustes")
    assert shown(page) == ["gram_whitening_keeps_the_gram"]
    assert "q=Procrustes" in page.url
    page.get_by_role("searchbox").fill("gram_operator")
    assert "gram_operator_flow" in shown(page)
    page.get_by_role("searchbox").fill("water FILLING stable")
    assert "only_full_water_filling_is_stable" in shown(page)
    page.get_by_role("searchbox").fill("<b>xyzzy")
    assert shown(page) == []
    assert page.get_by_text("No claim matches").is_visible()
    page.keyboard.press("Enter")
    assert page.locator("#count").inner_text().startswith("0 of")


def test_a_link_to_a_card_opens_it_even_if_it_is_filtered_away(visit):
    page = visit(anchor="#claim-gram_flow")
    page.locator("#claim-gram_flow .body").wait_for(timeout=5_000)
    assert page.evaluate("document.activeElement.closest('.claim').id") == "claim-gram_flow"
    page.get_by_role("checkbox", name="undecided").check()
    page.locator(".graph a[data-claim=gram_whitening_keeps_the_gram]").first.click()
    page.locator("#claim-gram_whitening_keeps_the_gram .body").wait_for(timeout=5_000)
    assert len(shown(page)) == len(SOME)
    page.locator("#claim-gram_whitening_keeps_the_gram summary").first.click()
    page.locator(".graph a[data-claim=gram_whitening_keeps_the_gram]").first.click()
    page.locator("#claim-gram_whitening_keeps_the_gram .body").wait_for(timeout=5_000)


WAYS = {
    "clipboard": "",
    "no clipboard": "Object.defineProperty(navigator, 'clipboard', {value: undefined})",
    "clipboard refused": "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))",
}


@pytest.mark.parametrize("way", WAYS)
def test_copy_buttons_copy(visit, way):
    page = visit(anchor="#claim-gram_flow", script=WAYS[way], permissions=["clipboard-read", "clipboard-write"])
    card = page.locator("#claim-gram_flow")
    for button, text in (
        (card.get_by_role("button", name="Copy: Instance"), "Layer([[1., 2.]])"),
        (card.locator(".again button"), "theorems check gram_flow --seed 5 --examples 40"),
    ):
        button.click()
        expect(button).to_have_text("Copied")
        page.get_by_role("searchbox").fill("")
        page.get_by_role("searchbox").press("Control+V")
        assert page.get_by_role("searchbox").input_value() == text


def test_copying_that_fails_says_so(visit):
    page = visit(anchor="#claim-gram_flow", script=WAYS["no clipboard"] + "; document.execCommand = () => false")
    button = page.locator("#claim-gram_flow .again button")
    button.click()
    expect(button).to_have_text("Select and copy by hand")


LOCKED = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied'); }})"


@pytest.mark.parametrize("script", ["", LOCKED], ids=["storage", "no storage"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_theme_follows_the_system_until_the_reader_chooses(visit, system, script):
    page = visit(color_scheme=system, script=script)
    ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    light, dark = "rgb(252, 251, 248)", "rgb(20, 22, 26)"
    assert ground() == {"light": light, "dark": dark}[system]
    page.get_by_role("button", name="Dark theme" if system == "light" else "Light theme").click()
    assert ground() == {"light": dark, "dark": light}[system]
    page.reload()
    chosen = ground() == {"light": dark, "dark": light}[system]
    assert chosen is (script == "")
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.locator("#theme").inner_text() in ("Dark theme", "Light theme")


@pytest.mark.parametrize("name", ["some", "network", "empty"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_page_scrolls_sideways(visit, name, width):
    page = visit(name, viewport={"width": width, "height": 700})
    if name != "empty":
        page.locator("#open-all").click()
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """width => [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, svg, .hidden, .skip, .listing')
             && e.checkVisibility() && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 120))""",
        width,
    )
    assert not outside
    stops = page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(e => e.checkVisibility()
             && (e.scrollWidth > e.clientWidth + 1) !== (e.tabIndex === 0) && e.scrollHeight <= e.clientHeight + 1).length"""
    )
    assert stops == 0, "what scrolls can be reached with the keyboard, and nothing else is a stop"


def test_everything_can_be_done_with_the_keyboard(visit):
    page = visit(viewport={"width": 1280, "height": 900})
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").is_visible()
    reached, unseen = [], []
    for _ in range(400):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
               return [e.id || e.name || e.dataset?.claim || e.tagName, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 && r.width > 0]; }"""
        )
        reached.append(found[0])
        if not found[1]:
            unseen.append(found[0])
        if page.evaluate("document.activeElement.closest('.claim')?.id") == "claim-kernel_rank_at_most_classes":
            break
    assert {"theme", "search", "outcome", "paper", "gram_flow", "open-all"} <= set(reached)
    assert not unseen, "the focus is always visible"
    page.keyboard.press("Enter")
    page.locator("#claim-kernel_rank_at_most_classes .body").wait_for(timeout=5_000)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.body') !== null")
    page.locator(".graph a[data-claim=gram_flow]").first.focus()
    name = page.evaluate("document.activeElement.dataset.claim")
    assert page.locator(".graph .edge.lit").count() > 0
    page.keyboard.press("Enter")
    page.locator(f"#claim-{name} .body").wait_for(timeout=5_000)
    page.get_by_role("checkbox", name="undecided").focus()
    page.keyboard.press("Space")
    assert shown(page) == ["layerwise_kernel"]


NAMELESS = """
() => [...document.querySelectorAll('button, a[href], input, select, summary, [role=img], [role=search], figure[aria-labelledby]')].filter(e => {
  const by = id => document.getElementById(id)?.textContent;
  const name = e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ').map(by).join('')
    || (e.labels && [...e.labels].map(l => l.textContent).join('')) || e.textContent;
  return !name.trim();
}).map(e => e.outerHTML.slice(0, 150))
"""
CONTRAST = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const rgba = colour => { if (!known.has(colour)) known.set(colour, read(colour)); return known.get(colour); };
  const read = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
  const grounds = new Map([[null, [255, 255, 255, 255]]]);
  const ground = e => { if (!grounds.has(e)) { const c = rgba(getComputedStyle(e).backgroundColor); grounds.set(e, c[3] === 255 ? c : ground(e.parentElement)); } return grounds.get(e); };
  const bad = new Map();
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, s = getComputedStyle(e);
    if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.closest('script, style, title, .hidden, .skip')) continue;
    const box = e.closest('.box');
    const front = rgba(e instanceof SVGElement ? s.fill : s.color), back = box ? rgba(getComputedStyle(box.querySelector('rect')).fill) : ground(e);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && s.fontWeight >= 700);
    seen++;
    if (ratio < (large ? 3 : 4.5)) bad.set(`${e.tagName}.${e.getAttribute('class')} in ${e.parentElement.getAttribute('class')}`, ratio);
  }
  return [seen, [...bad]];
}
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["some", "network"])
def test_text_stands_out_from_its_ground(visit, name, theme):
    page = visit(name, color_scheme=theme)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    seen, bad = page.evaluate(CONTRAST)
    assert seen > 500
    assert bad == []
    page.add_style_tag(content=":root { --soft: #888 !important; --paper: #999 !important }")
    assert page.evaluate(CONTRAST)[1], "the check can fail"


@pytest.mark.parametrize("name", ["some", "network", "empty"])
def test_a_screen_reader_finds_its_way(visit, name):
    page = visit(name)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate(NAMELESS) == []
    for landmark in ("header", "nav", "main", "footer"):
        assert page.locator(f"body > {landmark}").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('img')].filter(i => !i.alt).length") == 0
    assert page.evaluate("[...document.querySelectorAll('th')].filter(t => !t.scope).length") == 0
    broken = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].filter(e => e.getAttribute('aria-labelledby').split(' ').some(i => !document.getElementById(i))).length"
    )
    assert broken == 0
    if name != "empty":
        assert page.get_by_role("status").get_attribute("aria-live") == "polite"
        tree = page.locator("#claims").aria_snapshot()
        assert re.search(r'heading "gram_flow" \[level=4\]', tree.replace("\u200b", ""))


def test_the_graph_has_a_box_for_every_claim_and_a_table(visit):
    page = visit("all")
    boxes = page.evaluate("[...document.querySelectorAll('.box:not(.guest)')].map(b => b.dataset.claim)")
    assert sorted(boxes) == sorted(claim.name for claim in CLAIMS)
    spill = page.evaluate(
        """[...document.querySelectorAll('.box')].filter(b => { const r = b.querySelector('rect').getBBox();
             return [...b.querySelectorAll('text')].some(t => { const x = t.getBBox(); return x.x + x.width > r.x + r.width || x.x < r.x; }); })
             .map(b => b.dataset.claim)"""
    )
    assert not spill, "every name fits its box"
    page.get_by_text("The same as a table").click()
    rows = page.locator(".as-table tbody tr").count()
    assert rows == sum(len(claim["related"]) for claim in catalogue()["claims"])


def test_formulas_are_mathematics_to_the_browser(visit):
    page = visit("all")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate(
        "[...document.querySelectorAll('math')].every(m => m instanceof MathMLElement && m.getBoundingClientRect().height > 8)"
    )
    assert page.locator("math").count() >= 65
    words = page.evaluate("[...document.querySelectorAll('.statement, .lead')].map(e => e.innerText).join(' ')")
    assert "\\" not in words


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_printed_it_is_all_there_and_nothing_to_press(visit, theme):
    page = visit(color_scheme=theme)
    page.get_by_role("checkbox", name="undecided").check()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".claim .body:visible").count() == 1, "what is filtered away is not printed"
    assert page.locator("button:visible, .filters:visible, .contents:visible").count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.locator(".claim .body:visible").count() == 0, "what was closed is closed again"
    page.locator(".filters [data-reset]").click()
    assert page.pdf().count(b"/Type /Page\n") > len(SOME) / 2


def test_without_its_script_it_can_be_read(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("#theme").is_hidden()
    assert page.locator(".filters").is_hidden()
    page.locator("#claim-gram_flow summary").first.click()
    page.locator("#claim-gram_flow .body").wait_for(timeout=5_000)
    assert page.locator("#claim-gram_flow .copy").first.is_hidden()


def test_cards_open_and_close_together(visit):
    page = visit()
    page.get_by_role("checkbox", name="undecided").check()
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".claim > details[open]").count() == 1
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".claim > details[open]").count() == 0


def test_a_network_shows_where_it_failed(visit):
    page = visit("network")
    row = page.locator(".matrix tbody tr", has_text="feature_learning_equation")
    assert [cell.strip() for cell in row.locator("td .hidden").all_inner_texts()][:3] == [
        "refuted",
        "holds, numerical",
        "refuted, numerical",
    ]
    assert "refuted at encoder.layers.0.linear2, residual 0.3" in page.locator(".attention").inner_text()
    page.get_by_role("link", name="reason 1").click()
    assert (
        page.locator("#reason-1").inner_text()
        == "residual 0.3 against a bound of 1\u202f×\u202f10⁻⁸: entry (0, 3) differs"
    )
