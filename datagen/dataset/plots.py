"""The card's plots: small bar charts as SVG, written by hand so that the same dataset gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

WIDTH, LABEL, BAR, GAP = 720, 250, 18, 7
INK, FILL, PAPER = "#1f2430", "#4c7bd9", "#ffffff"


def bars(title: str, values: Mapping[str, int]) -> str:
    """Horizontal bars, one for each entry, with its number and its share of the sum."""
    total, most = max(1, sum(values.values())), max([1, *values.values()])
    height = 44 + len(values) * (BAR + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="system-ui, sans-serif" font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        f'<text x="12" y="24" font-size="15" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    for place, (name, value) in enumerate(values.items()):
        top = 38 + place * (BAR + GAP)
        length = (WIDTH - LABEL - 120) * value / most
        parts.append(
            f'<text x="{LABEL - 8}" y="{top + 14}" text-anchor="end" fill="{INK}">{escape(_short(name))}</text>'
            f'<rect x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{FILL}"/>'
            f'<text x="{LABEL + length + 8:.1f}" y="{top + 14}" fill="{INK}">{value:,} ({value / total:.1%})</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def histogram(lengths: Mapping[int, int], width: int = 10) -> dict[str, int]:
    """Numbers of texts by their length in characters, in steps of `width`, the longest together from 120 on."""
    steps: dict[int, int] = {}
    for length, count in lengths.items():
        step = min(length // width * width, 120)
        steps[step] = steps.get(step, 0) + count
    name = lambda step: f"{step} and more" if step == 120 else f"{step} to {step + width - 1}"
    return {f"{name(step)} characters": steps[step] for step in sorted(steps)}


def _short(name: str) -> str:
    return name if len(name) <= 38 else name[:37] + "…"
