"""Shares of people with their intervals, as a table with a bar each."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from lifecycle.core.admin import table
from lifecycle.core.admin.shares import interval_bar
from lifecycle.core.statistics import Arm, percent, points, wilson


def arms_table(arms: Sequence[Arm], first: str, sample: int | None = None) -> SafeString | str:
    """A row an arm. With `sample`, how many more people each needs; without, it is complete."""
    if not arms:
        return "No variants are shared out."
    intervals = [wilson(arm) for arm in arms]
    end = max(interval.high for interval in intervals) or 1.0
    head = [first, "People", "Did it", "Rate", "95 % interval", "", *(["Still needed"] if sample else [])]
    rows = [
        [
            arm.key,
            f"{arm.people:,}",
            f"{arm.conversions:,}",
            percent(arm.rate) if arm.people else "–",
            f"{percent(interval.low)} to {percent(interval.high)}" if arm.people else "–",
            interval_bar(arm.rate, interval, end) if arm.people else "",
            *([f"{max(0, sample - arm.people):,}"] if sample else []),
        ]
        for arm, interval in zip(arms, intervals, strict=True)
    ]
    return format_html('<div class="figures">{}</div>', table(head, rows))


def difference(result: Mapping[str, Any]) -> SafeString:
    """The kept comparison of the best with the next in one line."""
    return format_html(
        '<p class="figures-note">{} against {}: {}, {} % interval {} to {}, p {}</p>',
        result["best"],
        result["against"],
        points(result["difference"]),
        f"{result['level'] * 100:.3g}",
        f"{result['low'] * 100:.1f}",
        f"{result['high'] * 100:.1f}",
        f"{result['p']:.3f}" if result["p"] >= 0.001 else "below 0.001",
    )
