"""Somebody follows the join link of their mail: where it leads by now, and that it was a person."""

from datetime import datetime

from campaigns.sending import tracking
from leads import log
from webinars import showing, telling
from webinars.models import Registration, Webinar


def way_in(registration: Registration, *, now: datetime) -> str:
    """Where the session is for them: their own link once Zoom named it, else everybody's. "" if they cannot join."""
    webinar = registration.webinar
    has_seat = registration.state == Registration.State.REGISTERED
    if not has_seat or webinar.state != Webinar.State.OPEN or webinar.ends_at <= now:
        return ""
    return registration.join_url or webinar.join_url


def clicked(registration: Registration, request: tracking.Request, *, now: datetime) -> bool:
    """Tell the log, once for people and once for machines; whether it is news.

    Scanners follow links when a mail comes; who comes when the room is open, comes to join.
    """
    webinar = registration.webinar
    since = now - (registration.seated_at or registration.registered_at)
    judged = tracking.judge(request, kind="click", since_sent=since, other_link_just_now=False)
    if judged.human and now < webinar.starts_at - showing.DOORS_OPEN:
        judged = tracking.Judgement(False, "before the room was open")
    said = {
        "webinar": webinar.code,
        "registration": registration.pk,
        "title": webinar.title,
        "human": judged.human,
        "reason": judged.reason,
    }
    key = f"join:{registration.pk}:{'human' if judged.human else 'machine'}"
    event = log.NewEvent(registration.lead_id, "webinar.join_clicked", said, source=telling.SOURCE, key=key)
    return bool(log.write([event], now=now, pending=True))
