"""Numbers and small drawings for the page, as text and SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WIDTH, _HEIGHT, _LEFT, _BASE = 320, 112, 8, 84


def number(value: Any) -> str:
    """A number for reading: three digits, powers of ten as such."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "not a number")
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 1e3 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}\u202f×\u202f{power(int(exponent))}".replace("-", "−")


def power(exponent: int) -> str:
    """A power of ten."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def duration(seconds: float) -> str:
    """A time span for reading."""
    if 0 < seconds < 0.1:
        return "under 0.1 s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def histogram(ratios: dict[str, Any]) -> Markup:
    """How near to its bound a claim came: instances per decade of residual/bound, with the bound
    marked.
    """
    counts = {int(exponent): int(count) for exponent, count in ratios.get("histogram") or []}
    if not counts:
        return Markup("")
    low, high = min(*counts, -1), max(*(exponent + 1 for exponent in counts), 1)
    step = (_WIDTH - 2 * _LEFT) / (high - low)
    most = max(*counts.values(), 1)

    def place(exponent: float) -> float:
        return _LEFT + (exponent - low) * step

    parts: list[Markup] = []
    for exponent, count in sorted(counts.items()):
        if count > 0:
            tall = max(1.5, 56 * count / most)
            shape = Markup(
                '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
            ).format(
                "bar beyond" if exponent >= 0 else "bar",
                place(exponent) + 1,
                _BASE - tall,
                max(step - 2, 0.8),
                tall,
            )
            label = Markup('<text class="count" x="{:.1f}" y="{:.1f}">{}</text>').format(
                place(exponent) + step / 2, _BASE - tall - 4, number(count)
            )
            parts += [shape, label] if step > 16 else [shape]
    parts.append(
        Markup('<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            _LEFT, _WIDTH - _LEFT, _BASE, _BASE
        )
    )
    every = math.ceil((high - low) / 8)
    for exponent in range(low, high + 1):
        if exponent % every == 0:
            parts.append(
                Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(
                    place(exponent), _BASE + 15, power(exponent) if exponent else "1"
                )
            )
    parts.append(
        Markup('<line class="bound" x1="{0:.1f}" x2="{0:.1f}" y1="13" y2="{1}"/>').format(
            place(0), _BASE
        )
    )
    parts.append(Markup('<text class="mark" x="{:.1f}" y="9">bound</text>').format(place(0)))
    said = ", ".join(
        f"{number(n)} from {power(e)} to {power(e + 1)}" for e, n in sorted(counts.items()) if n > 0
    )
    return Markup(
        '<svg class="histogram" viewBox="0 0 {} {}" role="img" aria-label="Residual over '
        'bound, instances per decade: {}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, said, Markup("").join(parts))


def strip(shares: Sequence[tuple[str, str, int]]) -> Markup:
    """A bar divided as (class, label, count)."""
    total = sum(count for _, _, count in shares) or 1
    parts, at = [], 0.0
    for kind, label, count in shares:
        width = 100 * count / total
        parts.append(
            Markup(
                '<rect class="fill {}" x="{:.3f}%" width="{:.3f}%" height="100%"><title>{} '
                "{}</title></rect>"
            ).format(kind, at, max(width - 0.25, 0.05), count, label)
        )
        at += width
    said = ", ".join(f"{count} {label}" for _, label, count in shares)
    return Markup('<svg class="strip" role="img" aria-label="{}">{}</svg>').format(
        said, Markup("").join(parts)
    )
