"""A broadcast from its YAML file: a draft with its mails. It sends nothing until somebody schedules it."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import msgspec
from django.db import transaction
from django_celery_beat.models import CrontabSchedule

from campaigns.broadcasts import checking
from campaigns.exchange import ImportRefused
from campaigns.exchange.reading import read_as
from campaigns.exchange.schema import File, TemplateFile
from campaigns.exchange.storing import check_row, find_template, publish_template, store_template
from campaigns.models import Broadcast, BroadcastVariant, EmailTemplate
from leads.models import Segment, Workspace
from lifecycle.core import durations


class MailFile(File):
    key: str
    template: str
    weight: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 50
    subject: str = ""


class CrontabFile(File):
    minute: str = "0"
    hour: str = "9"
    day_of_week: str = "*"
    day_of_month: str = "*"
    month_of_year: str = "*"
    timezone: str = ""


class ExcludeFile(File):
    segments: list[str] = []
    rule: dict[str, Any] | None = None


class TestFile(File):
    percent: Annotated[int, msgspec.Meta(ge=1, le=90)]
    wait: str = "4h"


class BroadcastFile(File):
    slug: str
    name: str
    kind: Literal["broadcast"] = "broadcast"
    version: Literal[1] = 1
    description: str = ""
    segment: str = ""
    exclude: ExcludeFile = msgspec.field(default_factory=ExcludeFile)
    template: str = ""
    variants: list[MailFile] = []
    in_turn: list[MailFile] = []
    test: TestFile | None = None
    send_at: datetime | None = None
    crontab: CrontabFile | None = None
    window: dict[str, Any] | None = None
    late_after: str = ""
    per_hour: Annotated[int, msgspec.Meta(ge=1)] | None = None
    priority: int = 0
    templates: list[TemplateFile] = []


@transaction.atomic
def import_broadcast(text: str, *, now: datetime) -> Broadcast:
    """Create a broadcast from a file, as a draft with its mails published. Raises ImportRefused, changing nothing."""
    file = read_as(BroadcastFile, text)
    if Broadcast.objects.filter(slug=file.slug).exists():
        raise ImportRefused(f"slug: there is a broadcast {file.slug} already; change it in the admin")
    if file.variants and file.in_turn:
        raise ImportRefused("in_turn: mails are either variants or sent in turn, not both")
    templates = {given.slug: store_template(given, number) for number, given in enumerate(file.templates)}
    broadcast = Broadcast(slug=file.slug, name=file.name, description=file.description.strip(), **_columns(file))
    if file.template:
        broadcast.template = find_template("template", file.template, templates)
    check_row(broadcast, "broadcast")
    broadcast.save()
    broadcast.excluded_segments.set(
        _segment(f"exclude.segments[{place}]", slug) for place, slug in enumerate(file.exclude.segments)
    )
    _store_mails(broadcast, file, templates)
    if problems := checking.problems_of(broadcast, now=now):
        raise ImportRefused(str(problems[0]))
    for template in checking.mails_of(broadcast):
        publish_template(template, now=now)
    return broadcast


def _columns(file: BroadcastFile) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "segment": _segment("segment", file.segment) if file.segment else None,
        "excluded_rule": file.exclude.rule,
        "in_turn": bool(file.in_turn),
        "send_at": file.send_at,
        "crontab": _crontab(file.crontab) if file.crontab else None,
        "window": file.window,
        "late_after": _duration("late_after", file.late_after) if file.late_after else None,
        "per_hour": file.per_hour,
        "priority": file.priority,
    }
    if file.send_at is not None and file.send_at.tzinfo is None:
        raise ImportRefused("send_at: write it with its offset, like 2026-03-03T09:00:00+01:00")
    if file.test is not None:
        columns |= {"test_percent": file.test.percent, "test_wait": _duration("test.wait", file.test.wait)}
    return columns


def _segment(where: str, slug: str) -> Segment:
    found = Segment.objects.filter(slug=slug).first()
    if found is None:
        raise ImportRefused(f"{where}: there is no segment {slug!r}")
    return found


def _crontab(given: CrontabFile) -> CrontabSchedule:
    """The row of these fields, an existing one if there is one. Without a zone it is the workspace's."""
    fields = msgspec.structs.asdict(given)
    fields["timezone"] = given.timezone or Workspace.load().time_zone
    if fields["timezone"] not in available_timezones():
        raise ImportRefused(f"crontab.timezone: {given.timezone!r} is no time zone; write one like Europe/Berlin")
    row = CrontabSchedule(**fields)
    check_row(row, "crontab")
    return CrontabSchedule.objects.filter(**fields).first() or _saved(row)


def _saved(row: CrontabSchedule) -> CrontabSchedule:
    row.save()
    return row


def _duration(where: str, text: str) -> timedelta:
    try:
        return durations.parse(text)
    except durations.DurationError as error:
        raise ImportRefused(f"{where}: {error}") from error


def _store_mails(broadcast: Broadcast, file: BroadcastFile, templates: dict[str, EmailTemplate]) -> None:
    name = "in_turn" if file.in_turn else "variants"
    for position, given in enumerate(file.in_turn or file.variants):
        where = f"{name}[{position}]"
        mail = BroadcastVariant(
            broadcast=broadcast,
            key=given.key,
            position=position,
            weight=given.weight,
            subject=given.subject,
            template=find_template(f"{where}.template", given.template, templates),
        )
        check_row(mail, where)
        mail.save()
