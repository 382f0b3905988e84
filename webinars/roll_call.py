"""Attendance from a file: its rows become the stays of registered people, and the webinar is settled.

A file takes the place of the one before: uploading it again changes nothing, and a mended one corrects it. What Zoom
told by itself stays, and the two together count once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from django.db import transaction

from leads import addresses
from leads.addresses import AddressError
from leads.models import AddressAlias
from lifecycle.core.deadlocks import atomic_with_retry
from webinars import attendance_file, attending, seats
from webinars.attendance_file import Reading, Refusal, Row
from webinars.attending import Settled, Stay
from webinars.models import Presence, Registration, Webinar

SOURCE = "csv"
# A stay as it is kept between looking and doing: registration, came, left, seconds.
Packed = tuple[int, float | None, float | None, int | None]


class TooEarly(ValueError):
    """The webinar is not over; the message says until when."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file comes to. `said_absent`: registered people said to be absent; `telling`: who is told what."""

    columns: dict[str, str] = field(default_factory=dict)
    stays: Sequence[Packed] = ()
    said_absent: int = 0
    refusals: Sequence[Refusal] = ()
    telling: Settled = field(default_factory=Settled)

    @property
    def people(self) -> int:
        return len({stay[0] for stay in self.stays})


def look(webinar: Webinar, file: BinaryIO, *, zone: ZoneInfo, now: datetime) -> Found:
    """Read a file and match its addresses; nothing is stored. FileProblem or TooEarly."""
    check(webinar, now=now)
    found = match(webinar, attendance_file.read(file, zone=zone, near=webinar.starts_at))
    return replace(found, telling=_would_tell(webinar.pk, found.stays, now=now))


def check(webinar: Webinar, *, now: datetime) -> None:
    """TooEarly before its end: who is not in the file would be told that they missed it."""
    ends = min(webinar.ends_at, webinar.over_at or webinar.ends_at)
    if now < ends:
        raise TooEarly(f"{webinar.code} is not over; upload its attendance after {ends:%Y-%m-%d %H:%M} UTC.")


def match(webinar: Webinar, reading: Reading) -> Found:
    """Rows by the person they speak of; those that speak of nobody here are refused with the reason."""
    known = _registrations(webinar)
    whole = 60 * webinar.minutes
    stays: dict[Packed, None] = {}
    lengths: dict[int, int] = {}
    refusals, absent = list(reading.refusals), set[int]()
    for row in reading.rows:
        try:
            registration = known[addresses.read(row.email).normal]
        except AddressError as problem:
            refusals.append(Refusal(row.line, str(problem)))
        except KeyError:
            refusals.append(Refusal(row.line, "Nobody with this address is registered."))
        else:
            if not row.attended:
                absent.add(registration)
            elif row.joined_at or row.left_at:
                stays[_packed(registration, row)] = None
            else:
                lengths[registration] = lengths.get(registration, 0) + (whole if row.seconds is None else row.seconds)
    found = [*stays, *((registration, None, None, seconds) for registration, seconds in lengths.items())]
    there = {stay[0] for stay in found}
    return Found(reading.columns, found, len(absent - there), sorted(refusals, key=lambda refusal: refusal.line))


@atomic_with_retry
def take(webinar_id: int, stays: Iterable[Sequence[Any]], *, now: datetime) -> Settled:
    """Put these stays in the place of the last file's, and settle who attended. TooEarly before the webinar's end."""
    webinar = seats.hold(webinar_id)
    check(webinar, now=now)
    Presence.objects.filter(registration__webinar=webinar, source=SOURCE).delete()
    ours = set(Registration.objects.filter(webinar=webinar).values_list("pk", flat=True))
    attending.note([_stay(*packed) for packed in stays if packed[0] in ours])
    return attending.settle(webinar_id, now=now)


@atomic_with_retry
def _would_tell(webinar_id: int, stays: Iterable[Sequence[Any]], *, now: datetime) -> Settled:
    """Whom `take` would tell what: it is done, and taken back."""
    settled = take(webinar_id, stays, now=now)
    transaction.set_rollback(True)
    return settled


def _registrations(webinar: Webinar) -> dict[str, int]:
    """Every address that somebody registered has or had → their registration."""
    people = Registration.objects.filter(webinar=webinar)
    former = AddressAlias.objects.filter(lead__registrations__webinar=webinar)
    by_lead = dict(people.values_list("lead", "pk"))
    found = {email: by_lead[lead] for email, lead in former.values_list("email_normal", "lead")}
    return found | dict(people.values_list("lead__email_normal", "pk"))


def _packed(registration: int, row: Row) -> Packed:
    came = row.joined_at.timestamp() if row.joined_at else None
    left = row.left_at.timestamp() if row.left_at else None
    if came is not None and left is None and row.seconds is not None:
        left = came + row.seconds
    return registration, came, left, None


def _stay(registration: int, came: float | None, left: float | None, seconds: int | None) -> Stay:
    joined_at = datetime.fromtimestamp(came, tz=UTC) if came is not None else None
    left_at = datetime.fromtimestamp(left, tz=UTC) if left is not None else None
    key = f"csv:{came}:{left}" if came is not None or left is not None else "csv:minutes"
    return Stay(registration, key, SOURCE, key, joined_at, left_at, seconds)
