"""A share of people with its uncertainty, drawn."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from lifecycle.core.statistics import Interval, percent


def interval_bar(rate: float, interval: Interval, end: float) -> SafeString:
    """The interval as a line and the rate as a dot, on a scale from 0 to `end`."""
    low, high, middle = (f"{value / end * 200:.1f}" for value in (interval.low, interval.high, rate))
    return format_html(
        '<svg class="interval-bar" viewBox="-6 0 212 14" role="img" aria-label="{} to {}">'
        '<line class="scale" x1="0" y1="7" x2="200" y2="7"/><line class="reach" x1="{}" y1="7" x2="{}" y2="7"/>'
        '<circle cx="{}" cy="7" r="4.5"/></svg>',
        percent(interval.low),
        percent(interval.high),
        low,
        high,
        middle,
    )
