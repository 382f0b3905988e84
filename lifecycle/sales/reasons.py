"""Why a lead is worth a call now, in sentences, from its score ledger."""

from collections.abc import Iterable

from leads.models import ScoreEntry

MOST = 6


def why(lead_ids: Iterable[int]) -> dict[int, list[str]]:
    """For each lead its strongest reasons, strongest first: “Viewed the pricing page ×3 (+30)”. One query."""
    totals: dict[int, dict[str, list[int]]] = {}
    rows = ScoreEntry.objects.filter(lead_id__in=list(lead_ids), rule__isnull=False).values_list(
        "lead_id", "rule__name", "points"
    )
    for lead_id, name, points in rows:
        totals.setdefault(lead_id, {}).setdefault(name, []).append(points)
    return {lead_id: _sentences(by_rule) for lead_id, by_rule in totals.items()}


def _sentences(by_rule: dict[str, list[int]]) -> list[str]:
    strongest = sorted(by_rule.items(), key=lambda item: (-sum(item[1]), item[0]))
    return [_sentence(name, points) for name, points in strongest if sum(points) > 0][:MOST]


def _sentence(name: str, points: list[int]) -> str:
    times = sum(1 for each in points if each > 0)
    return f"{name} ×{times} (+{sum(points)})" if times > 1 else f"{name} (+{sum(points)})"
