"""Who a broadcast is for: the segment or everybody, without those whom it leaves out."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from campaigns.models import Broadcast
from leads import segments
from leads.models import Event, Lead, Segment, SegmentMember
from leads.rule_fields import VOCABULARY
from lifecycle.core.rules import parse


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many would get the broadcast now, and how many of its segment are left out."""

    recipients: int
    left_out: int


def refresh(broadcast: Broadcast, *, now: datetime) -> None:
    """Bring the segments in line with their rules where they may have changed by time alone."""
    for segment in segments_of(broadcast):
        segments.make_current(segment, now=now)


def segments_of(broadcast: Broadcast) -> list[Segment]:
    """Every segment that says who gets it and who does not."""
    chosen = [broadcast.segment] if broadcast.segment else []
    return [*chosen, *broadcast.excluded_segments.all()]


def next_ids(broadcast: Broadcast, *, after: int, limit: int) -> list[int]:
    """The next lead ids of the segment, in order; those left out included."""
    if broadcast.segment_id is None:
        people: QuerySet[Lead, int] = Lead.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)
        return list(people[:limit])
    members = SegmentMember.objects.filter(segment_id=broadcast.segment_id, lead_id__gt=after)
    return list(members.order_by("lead_id").values_list("lead_id", flat=True)[:limit])


def left_out(broadcast: Broadcast, *, after: int, until: int, now: datetime) -> set[int]:
    """Lead ids in (after, until] whom an exclusion keeps out. No query without exclusions."""
    excluded = _excluded(broadcast, now)
    if excluded is None:
        return set()
    people = Lead.objects.filter(excluded, pk__gt=after, pk__lte=until).order_by()
    return set(people.values_list("pk", flat=True))


def estimate(broadcast: Broadcast, *, now: datetime) -> Estimate:
    """Counted as the members are now; at most three queries."""
    people = Lead.objects.order_by()
    if broadcast.segment_id is not None:
        members = SegmentMember.objects.filter(segment_id=broadcast.segment_id)
        everybody, people = members.count(), people.filter(pk__in=members.values("lead"))
    else:
        everybody = people.count()
    excluded = _excluded(broadcast, now)
    out = people.filter(excluded).count() if excluded is not None else 0
    return Estimate(everybody - out, out)


def _excluded(broadcast: Broadcast, now: datetime) -> Q | None:
    """Whom the exclusions keep out; None if there is none."""
    parts = []
    chosen = list(broadcast.excluded_segments.all())
    if chosen:
        members = SegmentMember.objects.filter(segment__in=[segment.pk for segment in chosen])
        parts.append(Q(pk__in=members.values("lead")))
    if broadcast.excluded_rule:
        parts.append(parse(broadcast.excluded_rule, VOCABULARY).q(now, events=Event.objects.all()))
    if not parts:
        return None
    whole = parts[0]
    for part in parts[1:]:
        whole |= part
    return whole
