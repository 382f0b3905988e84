"""What happens to a webinar as a whole, and everybody in it is told: opened, moved, canceled, resized, published.

The change, the grown SEQUENCE of its invitations and an event for each person are one transaction: nobody holds an
invitation for a time that the webinar does not have, however many there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from leads import log
from lifecycle.core.deadlocks import atomic_with_retry
from webinars import seats, telling
from webinars.models import Registration, Webinar

BATCH = 500
State = Registration.State


class ChangeError(ValueError):
    """This cannot be done with the webinar as it is; the message is for the marketer."""


@dataclass(frozen=True, slots=True)
class Slot:
    """When a webinar is to be, and in whose time it is spoken of."""

    starts_at: datetime
    minutes: int
    time_zone: str


@atomic_with_retry
def open_up(webinar_id: int, *, now: datetime) -> bool:
    """Open a draft for registration; False if it was open before. ChangeError says what is missing."""
    webinar = seats.hold(webinar_id)
    if webinar.state == Webinar.State.OPEN:
        return False
    if webinar.state == Webinar.State.CANCELED:
        raise ChangeError(f"{webinar.code} was canceled; make a new webinar instead.")
    if webinar.ends_at <= now:
        raise ChangeError(f"{webinar.code} lies in the past; give it a time to come first.")
    _save(webinar, now=now, state=Webinar.State.OPEN)
    return True


@atomic_with_retry
def move(webinar_id: int, slot: Slot, *, now: datetime) -> int:
    """Give it another time; how many registered people are told. 0 too if nothing changes."""
    webinar = seats.hold(webinar_id)
    if slot == Slot(webinar.starts_at, webinar.minutes, webinar.time_zone):
        return 0
    if webinar.state == Webinar.State.CANCELED:
        raise ChangeError(f"{webinar.code} was canceled and has no time any more.")
    if webinar.ends_at <= now:
        raise ChangeError(f"{webinar.code} is over; it cannot be moved.")
    if slot.starts_at <= now:
        raise ChangeError("The new time lies in the past.")
    before = telling.when(webinar)
    sequence = webinar.sequence + 1
    _save(
        webinar,
        now=now,
        sequence=sequence,
        starts_at=slot.starts_at,
        minutes=slot.minutes,
        time_zone=slot.time_zone,
        began_at=None,  # of a session that was broken off: the one that counts is to come
        over_at=None,
    )
    change = f"{webinar.code}:{sequence}"
    return _tell_all("webinar.moved", webinar, change, [State.REGISTERED], now=now, change=change, before=before)


@atomic_with_retry
def cancel(webinar_id: int, *, now: datetime) -> int:
    """Call it off; how many people are told: those with a seat, and those who waited for one. 0 if it was before."""
    webinar = seats.hold(webinar_id)
    if webinar.state == Webinar.State.CANCELED:
        return 0
    if webinar.ends_at <= now:
        raise ChangeError(f"{webinar.code} is over; it cannot be canceled.")
    sequence = webinar.sequence + 1
    _save(webinar, now=now, state=Webinar.State.CANCELED, sequence=sequence)
    change = f"{webinar.code}:{sequence}"
    return _tell_all("webinar.canceled", webinar, change, [State.REGISTERED, State.WAITING], now=now, change=change)


@atomic_with_retry
def resize(webinar_id: int, capacity: int | None, *, now: datetime) -> int:
    """Have more seats or fewer; how many who waited get one. Nobody who has a seat loses it."""
    webinar = seats.hold(webinar_id)
    _save(webinar, now=now, capacity=capacity)
    return len(seats.promote(webinar, now=now))


@atomic_with_retry
def publish(webinar_id: int, recording_url: str, *, now: datetime) -> int:
    """Put the recording on the page, and tell everybody who had a seat, once; how many are told now."""
    webinar = seats.hold(webinar_id)
    if not recording_url:
        raise ChangeError("There is no recording to publish yet: give its link.")
    if webinar.state != Webinar.State.OPEN or webinar.starts_at > now:
        raise ChangeError(f"{webinar.code} has not taken place.")
    _save(webinar, now=now, recording_url=recording_url)
    return _tell_all("webinar.recording_published", webinar, webinar.code, [State.REGISTERED], now=now)


def _save(webinar: Webinar, *, now: datetime, **changes: object) -> None:
    for name, value in changes.items():
        setattr(webinar, name, value)
    webinar.updated_at = now
    webinar.save(update_fields=[*changes, "updated_at"])


def _tell_all(kind: str, webinar: Webinar, fact: str, states: Sequence[str], *, now: datetime, **more: object) -> int:
    """Write an event of this fact for everybody in these states, some at a time; how many are new."""
    told = 0
    for some in _people(webinar, states):
        events = [
            telling.told(
                kind,
                one,
                webinar,
                key=f"{kind}:{fact}:{one.pk}",
                had_seat=one.state == State.REGISTERED,
                **more,
            )
            for one in some
        ]
        told += len(log.write(events, now=now, pending=True))
    return told


def _people(webinar: Webinar, states: Sequence[str]) -> Iterator[list[Registration]]:
    last = 0
    people = Registration.objects.filter(webinar=webinar, state__in=states).select_related("lead").order_by("pk")
    while some := list(people.filter(pk__gt=last)[:BATCH]):
        yield some
        last = some[-1].pk
