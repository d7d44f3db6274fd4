"""The report by keyboard, by screen reader and for weak eyes, in a real browser."""

import itertools
import re

import pytest
from pages import shown


@pytest.mark.slow
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
               return [e.id || e.name || e.dataset?.claim || e.tagName, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 && r.width > 0]; }"""  # noqa: E501
        )
        reached.append(found[0])
        if not found[1]:
            unseen.append(found[0])
        if (
            page.evaluate("document.activeElement.closest('.claim')?.id")
            == "claim-kernel_rank_at_most_classes"
        ):
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
"""  # noqa: E501
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
"""  # noqa: E501


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["some", "network", "empty"])
def test_a_screen_reader_finds_its_way(visit, name):
    page = visit(name)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate(NAMELESS) == []
    for landmark in ("header", "nav", "main", "footer"):
        assert page.locator(f"body > {landmark}").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('img')].filter(i => !i.alt).length") == 0
    assert page.evaluate("[...document.querySelectorAll('th')].filter(t => !t.scope).length") == 0
    broken = page.evaluate(
        "[...document.querySelectorAll('[aria-labelledby]')].filter(e => "
        "e.getAttribute('aria-labelledby').split(' ').some(i => "
        "!document.getElementById(i))).length"
    )
    assert broken == 0
    if name != "empty":
        assert page.get_by_role("status").get_attribute("aria-live") == "polite"
        tree = page.locator("#claims").aria_snapshot()
        assert re.search(r'heading "gram_flow" \[level=4\]', tree.replace("\u200b", ""))
