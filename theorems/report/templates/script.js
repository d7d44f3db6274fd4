"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const quietly = (action) => { try { return action(); } catch { return null; } };  // storage may be forbidden

  document.documentElement.classList.add("live");  // what needs this script is shown only with it

  // Theme: the system's until the reader chooses.
  const toggle = one("#theme"), system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const label = () => { toggle.textContent = dark() ? "Light theme" : "Dark theme"; };
  const saved = quietly(() => localStorage.getItem("theorems-theme"));
  if (saved === "dark" || saved === "light") document.documentElement.dataset.theme = saved;
  toggle.addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    quietly(() => localStorage.setItem("theorems-theme", theme));
    label();
  });
  system.addEventListener("change", label);
  toggle.hidden = false;
  label();

  // Copy buttons.
  const copy = async (text) => {
    if (navigator.clipboard) {
      try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed here: the old way */ }
    }
    const area = document.createElement("textarea");
    area.value = text;
    area.style.cssText = "position:fixed;opacity:0;top:0";
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = quietly(() => document.execCommand("copy"));
    area.remove();
    focused?.focus();
    return done;
  };
  for (const button of all(".copy")) {
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      button.textContent = (await copy(button.dataset.copy)) ? "Copied" : "Select and copy by hand";
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }

  // A piece of a formula that is wider than its card is set smaller, down to two thirds; beyond that it scrolls.
  const fitted = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      target.style.removeProperty("--fit");
      const room = target.clientWidth - parseFloat(getComputedStyle(target).paddingLeft);
      const widest = Math.max(...[...target.children].map((piece) => piece.getBoundingClientRect().width));
      if (widest > room) target.style.setProperty("--fit", Math.max(0.65, room / widest - 0.005));
    }
  });
  all(".formula").forEach((box) => fitted.observe(box));

  // Boxes that scroll can be reached with the keyboard; others are no stop.
  const scrollers = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth + 1 || target.scrollHeight > target.clientHeight + 1) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });
  all(".scroll").forEach((box) => scrollers.observe(box));

  const cards = all(".claim");
  if (!cards.length) return;

  // Filters and search, kept in the address.
  const boxes = all(".filters input[type=checkbox]"), search = one("#search"), count = one("#count");
  const facets = { outcome: "standing", grade: "grade", paper: "paper", tag: "tag" };
  const text = new Map(cards.map((card) => [card, card.textContent.toLowerCase().replace(/\s+/g, " ")]));
  const nodes = new Map();
  for (const node of all(".box")) nodes.set(node.dataset.claim, [...(nodes.get(node.dataset.claim) || []), node]);
  const chosen = (name) => boxes.filter((box) => box.name === name && box.checked).map((box) => box.value);
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = Object.entries(facets).map(([name, field]) => [field, chosen(name)]);
    let shown = 0;
    for (const card of cards) {
      const fits = words.every((word) => text.get(card).includes(word) || card.id.slice(6).includes(word))
        && wanted.every(([field, values]) => !values.length || values.includes(card.dataset[field]));
      card.hidden = !fits;
      shown += fits;
      for (const node of nodes.get(card.id.slice(6)) || []) node.classList.toggle("dim", !fits);
    }
    for (const paper of all(".paper")) paper.hidden = !all(".claim:not([hidden])", paper).length;
    one("#none").hidden = shown > 0;
    count.textContent = shown === cards.length ? `${shown} claims` : `${shown} of ${cards.length} claims`;
  };
  const remember = () => {
    const state = new URLSearchParams();
    if (search.value) state.set("q", search.value);
    for (const name of Object.keys(facets)) for (const value of chosen(name)) state.append(name, value);
    history.replaceState(null, "", `#${state}`);
  };
  const reset = () => { search.value = ""; boxes.forEach((box) => { box.checked = false; }); show(); };
  const target = () => {
    const element = document.getElementById(quietly(() => decodeURIComponent(location.hash.slice(1))) || "");
    const card = element?.closest(".claim");
    if (!card) return element;
    if (card.hidden) reset();
    card.querySelector("details").open = true;
    return card;
  };
  const recall = () => {
    if (location.hash.includes("=")) {
      const state = new URLSearchParams(location.hash.slice(1));
      search.value = state.get("q") || "";
      for (const box of boxes) box.checked = state.getAll(box.name).includes(box.value);
      show();
      return;
    }
    show();
    const found = target();
    if (found?.matches(".claim")) {
      found.scrollIntoView();
      found.querySelector("summary").focus({ preventScroll: true });
    }
  };
  one(".filters form").addEventListener("submit", (event) => event.preventDefault());
  one(".filters form").addEventListener("input", () => { show(); remember(); });
  for (const button of all("[data-reset]")) button.addEventListener("click", () => { reset(); remember(); search.focus(); });
  addEventListener("hashchange", recall);
  document.addEventListener("click", (event) => {  // a second click on the same link is no change of the address
    const link = event.target.closest('a[href^="#claim-"]');
    if (link && link.getAttribute("href") === location.hash) { event.preventDefault(); recall(); }
  });
  if (matchMedia("(max-width: 66rem)").matches) one(".filters").open = false;
  recall();
  if (location.hash.startsWith("#claim-")) addEventListener("load", recall);  // the browser's own jump takes the focus away

  // Cards.
  const each = (open) => cards.filter((card) => !card.hidden).forEach((card) => { card.querySelector("details").open = open; });
  one("#open-all").addEventListener("click", () => each(true));
  one("#close-all").addEventListener("click", () => each(false));
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])").filter((box) => !box.matches(".filters"));
    closed.forEach((box) => { box.open = true; });
  });
  addEventListener("afterprint", () => { closed.forEach((box) => { box.open = false; }); closed = []; });

  // The graph: what touches the claim under the pointer or the focus.
  const light = (name, on) => {
    for (const edge of all(".graph .edge")) {
      if (edge.dataset.from !== name && edge.dataset.to !== name) continue;
      edge.classList.toggle("lit", on);
      for (const end of [edge.dataset.from, edge.dataset.to]) (nodes.get(end) || []).forEach((node) => node.classList.toggle("lit", on));
    }
  };
  for (const [name, drawn] of nodes) for (const node of drawn) {
    for (const event of ["pointerenter", "focus"]) node.addEventListener(event, () => light(name, true));
    for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => light(name, false));
  }
})();
