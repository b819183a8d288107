"""The report's pictures as SVG text, coloured by the page's CSS classes so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

Point = tuple[float, float]
WIDTH, HEIGHT = 480, 210
LEFT, RIGHT, TOP, BOTTOM = 32, 88, 10, 30


def nice_ticks(top: float, count: int = 4) -> list[float]:
    """From 0 up to at least `top` in about `count` round steps (1, 2, 2.5 or 5 times a power of ten)."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / count
    power = 10.0 ** floor(log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    ticks = [0.0]
    while ticks[-1] < top * 0.999:
        ticks.append(round(len(ticks) * step, 10))
    return ticks


def fidelity_chart(artefacts: Mapping[str, tuple[float, float, float]], tolerance: float) -> str:
    """How much smaller files keep: {name: (bytes, share of answers as the merged model's, largest loss of a score)}.

    Two lines over the size: answers unchanged, and score kept (1 - loss), with the limit that a shipped file must keep.
    """
    if len(artefacts) < 2:
        return ""
    rows = sorted((size / 1e6, same, min(1.0, 1 - loss), name) for name, (size, same, loss) in artefacts.items())
    low = floor(min(0.9, *(min(same, kept) for _, same, kept, _ in rows)) * 10) / 10
    top = nice_ticks(rows[-1][0])[-1]
    x = lambda megabytes: LEFT + megabytes / top * (WIDTH - LEFT - RIGHT)
    y = lambda share: HEIGHT - BOTTOM - (share - low) / (1 - low) * (HEIGHT - TOP - BOTTOM)
    parts = []
    for step in range(6):
        share = low + (1 - low) * step / 5
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for megabytes in nice_ticks(top):
        parts.append(f'<text x="{x(megabytes):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{megabytes:g} MB</text>')
    limit = y(1 - tolerance)
    parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{limit:.1f}" y2="{limit:.1f}"/>')
    for i, (label, of) in enumerate((("score kept", 2), ("same answers", 1))):
        placed = [(x(row[0]), y(row[of]), row) for row in rows]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b, _ in placed)
        parts.append(f'<polyline class="line{i}" points="{points}"/>')
        for a, b, row in placed:
            title = f"{escape(row[3])}, {row[0]:.0f} MB: {label} {row[of]:.1%}"
            parts.append(f'<circle class="dot{i}" cx="{a:.1f}" cy="{b:.1f}" r="3"><title>{title}</title></circle>')
        end = placed[-1][1] + (14 if i and abs(placed[-1][1] - y(rows[-1][2])) < 14 else 0)
        parts.append(f'<text class="label{i}" x="{WIDTH - RIGHT + 8}" y="{end + 4:.1f}">{label}</text>')
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Size against fidelity of {len(rows)} files">{"".join(parts)}</svg>'
    )


def loss_chart(series: Mapping[str, Sequence[Point]]) -> str:
    """Loss over steps, one line per name in `series` (the first in the accent colour), each labelled at its end."""
    points = [point for line in series.values() for point in line]
    if not points:
        return ""
    last = max(step for step, _ in points) or 1.0
    ticks = nice_ticks(max(loss for _, loss in points))
    place = lambda point: (
        LEFT + point[0] / last * (WIDTH - LEFT - RIGHT),
        HEIGHT - BOTTOM - point[1] / ticks[-1] * (HEIGHT - TOP - BOTTOM),
    )
    parts = []
    for tick in ticks:
        _, y = place((0, tick))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for share in (0.0, 0.5, 1.0):
        x, _ = place((last * share, 0))
        steps = f"step {last:.0f}" if share == 1 else f"{last * share:.0f}"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{steps}</text>')
    label_y: list[float] = []
    for i, (name, line) in enumerate(series.items()):
        if not line:
            continue
        placed = [place(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline class="line{i}" points="{path}"/>')
        if len(line) <= 60:
            for (x, y), (step, loss) in zip(placed, line, strict=True):
                title = f"{escape(name)}, step {step:g}: {loss:.3f}"
                parts.append(
                    f'<circle class="dot{i}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"><title>{title}</title></circle>'
                )
        x, y = placed[-1]
        while any(abs(y - other) < 15 for other in label_y):  # two labels must not cover each other
            y -= 15
        label_y.append(y)
        parts.append(f'<text class="label{i}" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{escape(name)}</text>')
    first, final = points[0][1], next(line for line in series.values() if line)[-1][1]
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Loss by step, from {first:.2f} to {final:.2f}">{"".join(parts)}</svg>'
    )
