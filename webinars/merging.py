"""Two people become one, and both had a place at the same webinar: they keep the better one."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from leads.signals import leads_merging, merge_foreseen
from webinars import seats
from webinars.models import Presence, RegistrantSync, Registration

State = Registration.State
_BEST_FIRST = (State.REGISTERED, State.WAITING, State.CANCELED)


@receiver(leads_merging, dispatch_uid="webinars.merging.settle")
def settle(sender: Any, kept_id: int, other_id: int, now: datetime, **kwargs: Any) -> None:
    """Inside the merge, before rows move. A seat that becomes free goes to the first who waits."""
    for webinar_id in _shared(kept_id, other_id):
        webinar = seats.hold(webinar_id)
        both = list(Registration.objects.filter(webinar=webinar, lead__in=[kept_id, other_id]).select_for_update())
        if len(both) < 2:
            continue
        better, worse = sorted(both, key=lambda one: (*_rank(one), one.lead_id != kept_id))
        _hand_over(worse, better)
        if worse.lead_id == kept_id:
            worse.delete()
        seats.promote(webinar, now=now)


@receiver(merge_foreseen, dispatch_uid="webinars.merging.foresee")
def foresee(sender: Any, kept_id: int, other_id: int, **kwargs: Any) -> list[str]:
    shared = len(_shared(kept_id, other_id))
    which = "1 webinar has" if shared == 1 else f"{shared} webinars have"
    return [f"{which} both: the better place is kept, and the other one given back."] if shared else []


def _rank(one: Registration) -> tuple[int, float]:
    """The better place is the lower; of two in the queue, the one that is further in front."""
    is_waiting = one.state == State.WAITING
    return _BEST_FIRST.index(State(one.state)), one.registered_at.timestamp() if is_waiting else 0


def _shared(kept_id: int, other_id: int) -> list[int]:
    """Webinars that have both, in the order of locks."""
    theirs = Registration.objects.filter(lead=other_id).values("webinar")
    found = Registration.objects.filter(lead=kept_id, webinar__in=theirs).order_by("webinar")
    return list(found.values_list("webinar", flat=True))


def _hand_over(worse: Registration, better: Registration) -> None:
    """Attendance is the person's, under whatever address they came. Nothing hangs on the worse place any more."""
    known = better.presences.values("key")
    worse.presences.exclude(key__in=known).update(registration=better)
    Presence.objects.filter(registration=worse).delete()
    RegistrantSync.objects.filter(registration=worse).delete()
    if worse.attendance == Registration.Attendance.ATTENDED or not better.attendance:
        better.attendance = worse.attendance or better.attendance
        better.attended_seconds = max(better.attended_seconds, worse.attended_seconds)
        better.save(update_fields=["attendance", "attended_seconds"])
    if worse.state != State.CANCELED:
        worse.state = State.CANCELED
        worse.save(update_fields=["state"])
