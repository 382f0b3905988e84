"""Broadcasts in the database, for tests of everything that runs them."""

from datetime import datetime
from typing import Any

from django_celery_beat.models import CrontabSchedule

from campaigns.broadcasts import control, running
from campaigns.models import Broadcast, BroadcastRun, BroadcastVariant, EmailTemplate, Hit, Message
from leads.models import Lead, Segment, SegmentMember
from tests.campaigns.sequences import BODY
from tests.factories import NOON


def mail(slug: str = "news", **changes: Any) -> EmailTemplate:
    values = {"name": slug.capitalize(), "format": "html", "subject": "News", "body": BODY, **changes}
    return EmailTemplate.objects.get_or_create(slug=slug, defaults=values)[0]


def broadcast(slug: str = "news", *, variants: dict[str, int] | None = None, **changes: Any) -> Broadcast:
    """A draft; with `variants` (key → weight) each has a mail of its own, `news-a`, whose subject is its key."""
    values: dict[str, Any] = {"name": slug.capitalize(), "template": None if variants else mail(), **changes}
    made = Broadcast.objects.create(slug=slug, **values)
    for position, (key, weight) in enumerate((variants or {}).items()):
        template = mail(f"{slug}-{key}", subject=key)
        BroadcastVariant.objects.create(broadcast=made, key=key, weight=weight, template=template, position=position)
    return made


def going(slug: str = "news", *, now: datetime = NOON, **changes: Any) -> Broadcast:
    """A broadcast that is scheduled."""
    made = broadcast(slug, **changes)
    control.schedule(made, actor=None, now=now)
    made.refresh_from_db()
    return made


def queued(slug: str = "news", *, now: datetime = NOON, **changes: Any) -> BroadcastRun:
    """The run of a broadcast that goes out at once, with everybody queued."""
    made = going(slug, now=now, **changes)
    running.run_due(now=now)
    return made.runs.get()


def segment(slug: str, members: list[Lead]) -> Segment:
    """A segment of exactly these people, just refreshed."""
    rule = {"field": "job_title", "op": "eq", "value": slug}
    Lead.objects.filter(pk__in=[lead.pk for lead in members]).update(job_title=slug)
    made = Segment.objects.create(slug=slug, name=slug, rule=rule, refreshed_at=NOON)
    SegmentMember.objects.bulk_create(SegmentMember(segment=made, lead=lead, entered_at=NOON) for lead in members)
    return made


def crontab(**fields: Any) -> CrontabSchedule:
    return CrontabSchedule.objects.create(**{"minute": "0", "hour": "9", "timezone": "UTC", **fields})


def settle(run: BroadcastRun, state: str = "sent", *, now: datetime = NOON, **which: Any) -> None:
    """As if these recipients' mails had ended."""
    ended = {"state": state, "settled_at": now, "sent_at": now if state == "sent" else None}
    run.messages.filter(**which).update(**ended, reason="" if state == "sent" else "because")


def click(message: Message, *, verdict: str = "human") -> None:
    Hit.objects.create(message=message, kind="click", link=0, method="GET", verdict=verdict, reason="x", at=NOON)


def states(run: BroadcastRun) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in run.messages.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found
