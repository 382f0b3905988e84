"""Mails per day as bars: SVG without a script, whose words stand beside it as HTML so that they stay readable."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

HEIGHT = 100
SLOT = 10
DAY = timedelta(days=1)
PerDay = Mapping[str, Mapping[str, int]]


def mails_per_day(told: Mapping[str, Any], published: PerDay) -> SafeString:
    """A bar a day, beside it the published version's where there is one; "" when no mail would have left."""
    ours, theirs = _totals(told["outcome"]["mails_per_day"]), _totals(published)
    most = max([*ours.values(), *theirs.values()], default=0)
    if not most:
        return SafeString("")
    days = list(_days(told["since"], told["until"], [*ours, *theirs]))
    bars = format_html_join("", "{}", ((_slot(place, day, ours, theirs, most),) for place, day in enumerate(days)))
    summary = f"Mails per day from {days[0]} to {days[-1]}, at most {most:,}"
    return format_html(
        '<figure class="day-chart"><span class="day-most">{} mails a day</span>'
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
        "<figcaption><span>{}</span><span>{}</span><span>{}</span></figcaption>{}</figure>",
        f"{most:,}",
        len(days) * SLOT,
        HEIGHT,
        summary,
        bars,
        days[0],
        days[len(days) // 2],
        days[-1],
        SafeString('<p class="day-legend"><i class="ours"></i>this version <i class="theirs"></i>published</p>')
        if theirs
        else "",
    )


def days_table(days: PerDay) -> tuple[list[str], list[tuple[str, list[str], str]]]:
    """(steps, rows of (day, mails by step, all)) for the table beside the chart."""
    steps = list(dict.fromkeys(step for day in days.values() for step in day))
    rows = [
        (day, [f"{counts[step]:,}" if step in counts else "" for step in steps], f"{sum(counts.values()):,}")
        for day, counts in days.items()
    ]
    return steps, rows


def _totals(days: PerDay) -> dict[str, int]:
    return {day: sum(counts.values()) for day, counts in days.items()}


def _days(since: str, until: str, used: list[str]) -> Iterator[str]:
    day = min(date.fromisoformat(each[:10]) for each in [since, *used])
    last = max(date.fromisoformat(each[:10]) for each in [until, *used])
    while day <= last:
        yield day.isoformat()
        day += DAY


def _slot(place: int, day: str, ours: Mapping[str, int], theirs: Mapping[str, int], most: int) -> SafeString:
    number, other = ours.get(day, 0), theirs.get(day, 0)
    words = f"{day}: {number:,} mails" + (f", published {other:,}" if theirs else "")
    width = SLOT - 2 if not theirs else SLOT / 2 - 0.5
    left = place * SLOT
    return format_html(
        '<g><title>{}</title><rect class="room" x="{}" y="0" width="{}" height="{}"/>{}{}</g>',
        words,
        left,
        SLOT,
        HEIGHT,
        _bar("ours", left, width, number, most),
        _bar("theirs", left + width, width, other, most),
    )


def _bar(name: str, x: float, width: float, number: int, most: int) -> SafeString | str:
    if not number:
        return ""
    height = max(1.0, HEIGHT * number / most)
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>',
        name,
        x,
        f"{HEIGHT - height:.1f}",
        width,
        f"{height:.1f}",
    )
