"""The report in a real browser: it can be filtered, searched, copied from, printed and reached, and
it asks nobody for anything.
"""

import pytest
from evidences import EVERY_OUTCOME, SOME, catalogue
from pages import shown

from theorems import CLAIMS

sync_api = pytest.importorskip(
    "playwright.sync_api", reason="needs playwright: pip install 'theorems[test]'"
)


def wanted(keep):
    return [claim["name"] for claim in catalogue(EVERY_OUTCOME, only=SOME)["claims"] if keep(claim)]


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("facet", "field"), [("grade", "grade"), ("paper", "arxiv"), ("tag", "tag")]
)
def test_every_option_of_a_facet_shows_what_it_counts(visit, facet, field):
    page = visit()
    for box in page.locator(f"input[name={facet}]").all():
        box.check()
        value = box.get_attribute("value")
        names = wanted(lambda claim, value=value: (claim[field] or "none") == value)
        assert shown(page) == names
        assert box.locator("xpath=../span[@class='n']").inner_text() == str(len(names))
        box.uncheck()


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_copy_buttons_copy(visit, way):
    page = visit(
        anchor="#claim-gram_flow",
        script=WAYS[way],
        permissions=["clipboard-read", "clipboard-write"],
    )
    card = page.locator("#claim-gram_flow")
    for button, text in (
        (card.get_by_role("button", name="Copy: Instance"), "Layer([[1., 2.]])"),
        (card.locator(".again button"), "theorems check gram_flow --seed 5 --examples 40"),
    ):
        button.click()
        sync_api.expect(button).to_have_text("Copied")
        page.get_by_role("searchbox").fill("")
        page.get_by_role("searchbox").press("Control+V")
        assert page.get_by_role("searchbox").input_value() == text


@pytest.mark.slow
def test_copying_that_fails_says_so(visit):
    page = visit(
        anchor="#claim-gram_flow",
        script=WAYS["no clipboard"] + "; document.execCommand = () => false",
    )
    button = page.locator("#claim-gram_flow .again button")
    button.click()
    sync_api.expect(button).to_have_text("Select and copy by hand")


LOCKED = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('denied'); }})"
)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["some", "network", "parts", "empty"])
@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_page_scrolls_sideways(visit, name, width):
    page = visit(name, viewport={"width": width, "height": 700})
    if name != "empty":
        page.locator("#open-all").click()
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        """width => [...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, svg, .hidden, .skip, .listing')
             && e.checkVisibility() && e.getBoundingClientRect().right > width + 1).map(e => e.outerHTML.slice(0, 120))""",  # noqa: E501
        width,
    )
    assert not outside
    stops = page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(e => e.checkVisibility()
             && (e.scrollWidth > e.clientWidth + 1) !== (e.tabIndex === 0) && e.scrollHeight <= e.clientHeight + 1).length"""  # noqa: E501
    )
    assert stops == 0, "what scrolls can be reached with the keyboard, and nothing else is a stop"


@pytest.mark.slow
def test_the_graph_has_a_box_for_every_claim_and_a_table(visit):
    page = visit("all")
    boxes = page.evaluate(
        "[...document.querySelectorAll('.box:not(.guest)')].map(b => b.dataset.claim)"
    )
    assert sorted(boxes) == sorted(claim.name for claim in CLAIMS)
    spill = page.evaluate(
        """[...document.querySelectorAll('.box')].filter(b => { const r = b.querySelector('rect').getBBox();
             return [...b.querySelectorAll('text')].some(t => { const x = t.getBBox(); return x.x + x.width > r.x + r.width || x.x < r.x; }); })
             .map(b => b.dataset.claim)"""  # noqa: E501
    )
    assert not spill, "every name fits its box"
    page.get_by_text("The same as a table").click()
    rows = page.locator(".as-table tbody tr").count()
    assert rows == sum(len(claim["related"]) for claim in catalogue()["claims"])


@pytest.mark.slow
def test_formulas_are_mathematics_to_the_browser(visit):
    page = visit("all")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate(
        "[...document.querySelectorAll('math')].every(m => m instanceof MathMLElement && "
        "m.getBoundingClientRect().height > 8)"
    )
    assert page.locator("math").count() >= 65
    words = page.evaluate(
        "[...document.querySelectorAll('.statement, .lead')].map(e => e.innerText).join(' ')"
    )
    assert "\\" not in words


@pytest.mark.slow
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


@pytest.mark.slow
def test_without_its_script_it_can_be_read(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("#theme").is_hidden()
    assert page.locator(".filters").is_hidden()
    page.locator("#claim-gram_flow summary").first.click()
    page.locator("#claim-gram_flow .body").wait_for(timeout=5_000)
    assert page.locator("#claim-gram_flow .copy").first.is_hidden()


@pytest.mark.slow
def test_cards_open_and_close_together(visit):
    page = visit()
    page.get_by_role("checkbox", name="undecided").check()
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".claim > details[open]").count() == 1
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".claim > details[open]").count() == 0


@pytest.mark.slow
def test_a_network_shows_where_it_failed(visit):
    page = visit("network")
    row = page.locator(".matrix tbody tr", has_text="feature_learning_equation")
    assert [cell.strip() for cell in row.locator("td .hidden").all_inner_texts()][:3] == [
        "refuted",
        "holds, numerical",
        "refuted, numerical",
    ]
    assert (
        "refuted at encoder.layers.0.linear2, residual 0.3"
        in page.locator(".attention").inner_text()
    )
    page.get_by_role("link", name="reason 1").click()
    assert (
        page.locator("#reason-1").inner_text()
        == "residual 0.3 against a bound of 1\u202f×\u202f10⁻⁸: entry (0, 3) differs"
    )
