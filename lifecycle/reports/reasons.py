"""Why a lead has its score: the ledger, summed by rule."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from leads.models import ScoreEntry


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that gave points: “Viewed the pricing page”, +30, three times."""

    name: str
    points: int
    times: int
    dimension: str

    def __str__(self) -> str:
        return f"{self.name}{f' ×{self.times}' if self.times > 1 else ''} ({self.points:+d})"


def reasons_of(lead_ids: Iterable[int]) -> dict[int, list[Reason]]:
    """The rules behind each lead's score, the strongest first; what has faded is last. One query."""
    rows = (
        ScoreEntry.objects.filter(lead_id__in=list(lead_ids))
        .values("lead_id", "dimension", "rule__name")
        .annotate(given=Sum("points"), times=Count("pk", filter=Q(points__gt=0)))
        .order_by("lead_id", "-given", "rule__name")
    )
    reasons: dict[int, list[Reason]] = defaultdict(list)
    for row in rows:
        name = row["rule__name"] or "Faded with time"
        if row["given"]:
            reasons[row["lead_id"]].append(Reason(name, row["given"], row["times"], row["dimension"]))
    return reasons
