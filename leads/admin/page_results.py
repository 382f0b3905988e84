"""What came of a landing page's variants, as a table with a verdict."""

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from leads.models import PageVariant
from leads.pages.results import Result, verdict
from lifecycle.core.admin import admin_link, table
from lifecycle.core.admin.shares import interval_bar
from lifecycle.core.statistics import percent, wilson

HEAD = ["Variant", "Weight", "Views", "Visitors", "Conversions", "Rate", "95 % interval", ""]
HOW = (
    "A visitor is a browser, a conversion its first form. Robots and colleagues are not counted; browsers that ask not "
    "to be tracked count as views only. Decide beforehand how many visitors you wait for: who looks every day sees "
    "winners that are none."
)


def results_table(found: Sequence[Result]) -> SafeString:
    """A row a variant, and what may be said by now."""
    end = max((wilson(result.arm).high for result in found if result.arm.people), default=1.0)
    return format_html(
        '<div class="figures">{}</div><p class="figures-note"><b>{}</b></p><p class="figures-note">{}</p>',
        table(HEAD, [_row(result, end) for result in found]),
        verdict(found),
        HOW,
    )


def _row(result: Result, end: float) -> list[object]:
    arm = result.arm
    name = " · ".join(filter(None, [arm.key, result.name]))
    counts = [admin_link(PageVariant(pk=result.variant_id), name), result.weight, f"{result.views:,}"]
    if not arm.people:
        return [*counts, "0", "0", "–", "–", ""]
    interval = wilson(arm)
    return [
        *counts,
        f"{arm.people:,}",
        f"{arm.conversions:,}",
        percent(arm.rate),
        f"{percent(interval.low)} to {percent(interval.high)}",
        interval_bar(arm.rate, interval, end),
    ]
