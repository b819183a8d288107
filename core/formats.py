"""Figures as people read them: shares, sizes, durations."""

from __future__ import annotations

from typing import Any


def percent(value: float) -> str:
    """97.5%, but 100% and 0% without a decimal, and never rounded to them."""
    if value in (0, 1):
        return f"{value:.0%}"
    return f"{min(max(value * 100, 0.1), 99.9):.1f}%"


def chance(p: float) -> str:
    """A p value: 0.012, or "under 0.001"."""
    return f"{p:.3f}" if p >= 0.001 else "under 0.001"


def human_bytes(value: float) -> str:
    """Decimal units, as download sizes are given."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}" if value < 100 * factor else f"{value / factor:.0f} {unit}"
    return f"{value:.0f} bytes"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def about(seconds: float) -> str:
    """A duration in its largest unit: 18 min."""
    return duration(seconds) if seconds < 60 else f"{seconds / 60:.0f} min"


def number(value: Any) -> str:
    """Whole numbers with thousands separators, shares as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
