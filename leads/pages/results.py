"""What came of a landing page's variants: counted from browsers, judged by what is pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from leads.models import LandingPage, PageVisit
from lifecycle.core import sql
from lifecycle.core.statistics import Arm, judge

# Below this, a share says next to nothing.
ENOUGH = 100
_ARMS = """
    SELECT v.page_id, v.id, v.key, v.name, v.weight, v.views,
           count(i.id), count(i.converted_at)
    FROM leads_pagevariant v LEFT JOIN leads_pagevisit i ON i.variant_id = v.id
    WHERE v.page_id = ANY(%b::bigint[]) GROUP BY v.id ORDER BY v.page_id, v.key
"""


@dataclass(frozen=True, slots=True)
class Result:
    """A variant in numbers: `arm.people` are browsers, `arm.conversions` those of them that sent the form."""

    variant_id: int
    name: str
    weight: int
    views: int
    arm: Arm


@dataclass(frozen=True, slots=True)
class Totals:
    views: int
    visitors: int
    conversions: int


def of_pages(page_ids: Sequence[int]) -> dict[int, list[Result]]:
    """The results of these pages' variants, by key; one statement for all."""
    found: dict[int, list[Result]] = {page_id: [] for page_id in page_ids}
    for page_id, variant_id, key, name, weight, views, visitors, conversions in sql.fetch(_ARMS, [list(page_ids)]):
        found[page_id].append(Result(variant_id, name, weight, views, Arm(key, visitors, conversions)))
    return found


def of_page(page: LandingPage) -> list[Result]:
    return of_pages([page.pk])[page.pk]


def total(results: Sequence[Result]) -> Totals:
    """Of all variants together. A browser that met two variants counts for each."""
    return Totals(
        sum(result.views for result in results),
        sum(result.arm.people for result in results),
        sum(result.arm.conversions for result in results),
    )


def verdict(results: Sequence[Result]) -> str:
    """What may be said of the variants by now, in a sentence or two."""
    arms = [result.arm for result in results if result.arm.people or result.weight]
    if len(arms) < 2:
        return "One variant is shown, so there is nothing to compare. Duplicate it to try another."
    early = [arm.key for arm in arms if arm.people < ENOUGH]
    if early:
        who = " and ".join(early) if len(early) < 3 else "most variants"
        return f"Too early to say: {who} had fewer than {ENOUGH} visitors."
    return judge(arms).sentence


def has_visits(page: LandingPage) -> bool:
    return PageVisit.objects.filter(variant__page=page).exists()
