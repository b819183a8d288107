"""The loss curve as an SVG that stands on its own."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]
WIDTH, HEIGHT, MARGIN = 640, 280, 44


def loss_curve(training: Sequence[Point], validation: Sequence[Point]) -> str:
    """An SVG of (step, loss) points: a line for training, dots for validation. Colours follow the page's text."""
    points = [*training, *validation]
    last = max((step for step, _ in points), default=1.0) or 1.0
    top = max((loss for _, loss in points), default=1.0) or 1.0

    def place(point: Point) -> str:
        x = MARGIN + point[0] / last * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - point[1] / top * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    grid = []
    for i in range(5):
        value = top * i / 4
        x, y = place((0, value)).split(",")
        grid.append(
            f'<line x1="{x}" y1="{y}" x2="{WIDTH - MARGIN}" y2="{y}" stroke="currentColor" opacity=".15"/>'
            f'<text x="{MARGIN - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{value:.2g}</text>'
        )
    dots = "".join(
        '<circle cx="{}" cy="{}" r="4" fill="#e8590c"/>'.format(*place(point).split(",")) for point in validation
    )
    line = " ".join(place(point) for point in training)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif" '
        f'font-size="12" fill="currentColor" role="img" aria-label="loss by step"><title>Loss by step</title>'
        f'{"".join(grid)}<polyline points="{line}" fill="none" stroke="#1c7ed6" stroke-width="2"/>{dots}'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">step (of {last:.0f})</text>'
        f'<text x="{WIDTH - MARGIN}" y="16" text-anchor="end"><tspan fill="#1c7ed6">training</tspan>'
        f'<tspan dx="12" fill="#e8590c">validation</tspan></text></svg>\n'
    )
