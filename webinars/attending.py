"""Who attended and who missed it. It is settled once the session is over and somebody told who was there.

Stays are noted as they are told, in any order. A quarter of an hour after the session's end (what Zoom tells late has
come by then), or with a file of attendance, everybody in the webinar gets a verdict and the log an event. Whoever is
found to have been there after all has attended, although they were told to have missed it; never the other way round.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q, prefetch_related_objects

from leads import log
from leads.log import NewEvent
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from webinars import presences, seats, telling
from webinars.models import Presence, Registration, Webinar

GRACE = timedelta(minutes=15)
BATCH = 500

ATTENDED, MISSED = Registration.Attendance.ATTENDED, Registration.Attendance.MISSED
State = Registration.State
_NOTE = """
    INSERT INTO webinars_presence (registration_id, key, source, connection, joined_at, left_at, seconds)
    SELECT * FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::timestamptz[], %b::timestamptz[],
                         %b::integer[])
    ON CONFLICT (registration_id, key) DO NOTHING
"""
_SETTLE = """
    UPDATE webinars_registration r SET attendance = given.attendance, attended_seconds = given.seconds
    FROM unnest(%b::bigint[], %b::text[], %b::integer[]) AS given (id, attendance, seconds)
    WHERE r.id = given.id
"""


@dataclass(frozen=True, slots=True)
class Stay:
    """Something told of somebody's presence; `key` names it, so that telling it twice is telling it once."""

    registration_id: int
    key: str
    source: str
    connection: str = ""
    joined_at: datetime | None = None
    left_at: datetime | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """How many people are told now to have attended and to have missed it."""

    attended: int = 0
    missed: int = 0

    def __add__(self, other: "Settled") -> "Settled":
        return Settled(self.attended + other.attended, self.missed + other.missed)


def note(stays: Sequence[Stay]) -> int:
    """Keep what was told of stays; how many are new. Says nothing yet of who attended."""
    columns = [
        [stay.registration_id for stay in stays],
        [stay.key for stay in stays],
        [stay.source for stay in stays],
        [stay.connection for stay in stays],
        [stay.joined_at for stay in stays],
        [stay.left_at for stay in stays],
        [stay.seconds for stay in stays],
    ]
    return sql.execute(_NOTE, columns) if stays else 0


@atomic_with_retry
def begin(webinar_id: int, *, at: datetime) -> bool:
    """It was started; False if a later start is known. A session that goes on again is not over."""
    known = Webinar.objects.filter(Q(began_at=None) | Q(began_at__lt=at), pk=webinar_id)
    return bool(known.update(began_at=at))


@atomic_with_retry
def end(webinar_id: int, *, at: datetime) -> bool:
    """It ended; False if a later end is known, or if it was a rehearsal: over before it was to begin."""
    known = Webinar.objects.filter(Q(over_at=None) | Q(over_at__lt=at), pk=webinar_id, starts_at__lt=at)
    return bool(known.update(over_at=at))


@ticks.when(f"""
    EXISTS (SELECT FROM webinars_webinar
            WHERE state = 'open' AND over_at <= %(now)b - interval '{GRACE.total_seconds()} seconds'
            AND (attendance_known_at IS NULL OR attendance_known_at < over_at))
""")
def settle_due(*, now: datetime, most: int = 20) -> Settled:
    """Settle the webinars whose session ended a while ago, and did not go on."""
    due = Webinar.objects.filter(
        Q(began_at=None) | Q(began_at__lte=F("over_at")),
        Q(attendance_known_at=None) | Q(attendance_known_at__lt=F("over_at")),
        state=Webinar.State.OPEN,
        over_at__lte=now - GRACE,
    )
    total = Settled()
    for webinar_id in due.order_by("over_at").values_list("pk", flat=True)[:most]:
        total += settle(webinar_id, now=now)
    return total


@atomic_with_retry
def settle(webinar_id: int, *, now: datetime) -> Settled:
    """Give everybody in it their verdict by what is known now. Safe to repeat."""
    webinar = seats.hold(webinar_id)
    webinar.attendance_known_at = now
    webinar.save(update_fields=["attendance_known_at"])
    return _judge_all(webinar, None, now=now)


@atomic_with_retry
def settle_again(webinar_id: int, registration_ids: Sequence[int], *, now: datetime) -> Settled:
    """What was told late, or of somebody who came late to us: their verdict, if the webinar has been settled."""
    webinar = seats.hold(webinar_id)
    if webinar.attendance_known_at is None:
        return Settled()
    return _judge_all(webinar, registration_ids, now=now)


def session(webinar: Webinar) -> presences.Span:
    """From when to when it was, as far as that is known."""
    return min(webinar.starts_at, webinar.began_at or webinar.starts_at), webinar.over_at or webinar.ends_at


def verdict(registration: Registration, seconds: int, webinar: Webinar) -> str:
    """Attended, missed, or "" for whom nobody waited. Pure."""
    if registration.attendance == ATTENDED or (seconds and seconds >= 60 * webinar.attended_after):
        return ATTENDED
    return MISSED if registration.state == State.REGISTERED else registration.attendance


def _judge_all(webinar: Webinar, registration_ids: Sequence[int] | None, *, now: datetime) -> Settled:
    total = Settled()
    for some in _people(webinar, registration_ids):
        total += _judge(webinar, some, now=now)
    return total


def _judge(webinar: Webinar, some: Sequence[Registration], *, now: datetime) -> Settled:
    """Write what is new of these people, and tell the log."""
    span = session(webinar)
    changed: list[Registration] = []
    events: list[NewEvent] = []
    for registration in some:
        told = [presences.Told(p.joined_at, p.left_at, p.connection, p.seconds) for p in registration.presences.all()]
        seconds = presences.attended_seconds(told, span)
        found = verdict(registration, seconds, webinar)
        if (found, seconds) == (registration.attendance, registration.attended_seconds):
            continue
        if found != registration.attendance:
            events.append(_told(registration, webinar, found, seconds))
        registration.attendance, registration.attended_seconds = found, seconds
        changed.append(registration)
    columns = [
        [one.pk for one in changed],
        [one.attendance for one in changed],
        [one.attended_seconds for one in changed],
    ]
    if changed:
        sql.execute(_SETTLE, columns)
    log.write(events, now=now, pending=True)
    attended = sum(event.kind == "webinar.attended" for event in events)
    return Settled(attended, len(events) - attended)


def _told(registration: Registration, webinar: Webinar, found: str, seconds: int) -> NewEvent:
    """The fact of their verdict. `minutes` are theirs, not the webinar's."""
    key = f"{found}:{registration.pk}"
    return telling.told(f"webinar.{found}", registration, webinar, key=key, minutes=seconds // 60)


def _people(webinar: Webinar, registration_ids: Sequence[int] | None) -> Iterator[list[Registration]]:
    """Those with a seat, and who was there without one; locked, some at a time."""
    people = Registration.objects.filter(webinar=webinar).select_related("lead").order_by("pk")
    was_there = Presence.objects.filter(registration__webinar=webinar).values("registration")
    people = people.filter(Q(state=State.REGISTERED) | Q(pk__in=was_there))
    if registration_ids is not None:
        people = people.filter(pk__in=registration_ids)
    last = 0
    while some := list(people.filter(pk__gt=last).select_for_update(no_key=True, of=("self",))[:BATCH]):
        prefetch_related_objects(some, "presences")
        yield some
        last = some[-1].pk
