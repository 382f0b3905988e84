"""Seats of a webinar, given one after the other: whoever gives or takes one holds the webinar's row.

Locks are taken in one order everywhere: the lead's first, then the webinar's.
"""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import prefetch_related_objects

from leads import log
from webinars import telling
from webinars.models import Registration, Webinar

BATCH = 500

State = Registration.State


class UnknownWebinar(LookupError):
    """There is no such webinar."""


def hold(webinar_id: int) -> Webinar:
    """The webinar, locked until the transaction ends, with its speakers at hand. UnknownWebinar without it."""
    webinar = Webinar.objects.select_for_update(no_key=True).filter(pk=webinar_id).first()
    if webinar is None:
        raise UnknownWebinar("There is no such webinar.")
    prefetch_related_objects([webinar], "speakers")
    return webinar


def free(webinar: Webinar) -> int | None:
    """Seats that are left; None for as many as come. Certain only while the webinar is held."""
    if webinar.capacity is None:
        return None
    taken = Registration.objects.filter(webinar=webinar, state=State.REGISTERED).count()
    return max(webinar.capacity - taken, 0)


def promote(webinar: Webinar, *, now: datetime) -> list[int]:
    """Give free seats of the held webinar to those who wait, in the order of waiting; ids of their leads."""
    if webinar.state != Webinar.State.OPEN or webinar.ends_at <= now:
        return []
    lead_ids: list[int] = []
    for some in _in_order(webinar, free(webinar)):
        for registration in some:
            registration.state, registration.seated_at = State.REGISTERED, now
        Registration.objects.bulk_update(some, ["state", "seated_at"])
        log.write([telling.registered(one, webinar, is_promoted=True) for one in some], now=now, pending=True)
        lead_ids += [registration.lead_id for registration in some]
    return lead_ids


def _in_order(webinar: Webinar, limit: int | None) -> Iterator[list[Registration]]:
    """Those who wait, some at a time, until there are none or `limit` were given out."""
    waiting = (
        Registration.objects.filter(webinar=webinar, state=State.WAITING)
        .select_related("lead")
        .select_for_update(of=("self",))
        .order_by("registered_at", "id")
    )
    left = limit
    while left is None or left > 0:
        some = list(
            waiting.select_for_update(of=("self",)).order_by("registered_at", "id")[: min(left or BATCH, BATCH)]
        )
        if not some:
            return
        yield some
        left = None if left is None else left - len(some)
