"""Calls of a tracking client as the endpoint stores them, for tests of what comes of them."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from leads import log
from leads.identity import drain
from leads.log import NewEvent
from leads.models import Lead, Visitor
from tests.factories import NOON


def browser(name: str) -> Visitor:
    return Visitor.objects.get_or_create(anonymous_id=name, defaults={"created_at": NOON})[0]


def user(name: str) -> Visitor:
    return Visitor.objects.get_or_create(user_id=name, defaults={"created_at": NOON})[0]


def call(
    kind: str,
    properties: dict[str, Any],
    *,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    at: datetime = NOON,
) -> int:
    """Store a call that says who is who; its event's id. Nothing has come of it yet."""
    person = user(user_id) if user_id else browser(anonymous_id or "")
    beside = browser(anonymous_id).pk if user_id and anonymous_id else None
    event = NewEvent(person.lead_id, kind, properties, at, source="track", key=uuid4().hex, visitor_id=person.pk)
    return log.write([event], now=at, pending=True, asking={0: beside})[0]


def identify(user_id: str | None = None, anonymous_id: str | None = None, *, at: datetime = NOON, **traits: Any) -> int:
    return call("user.identified", {"traits": traits}, user_id=user_id, anonymous_id=anonymous_id, at=at)


def alias(previous_id: str, user_id: str, *, at: datetime = NOON) -> int:
    return call("user.aliased", {"previous_id": previous_id}, user_id=user_id, at=at)


def group(group_id: str, user_id: str, *, at: datetime = NOON, **traits: Any) -> int:
    return call("account.joined", {"group_id": group_id, "traits": traits}, user_id=user_id, at=at)


def view(name: str, *, at: datetime = NOON, by_user: bool = False, **properties: Any) -> int:
    """A page view of a browser, or of a user."""
    person = user(name) if by_user else browser(name)
    properties = {"url": "https://www.example.com/", "path": "/", **properties}
    event = NewEvent(person.lead_id, "page.viewed", properties, at, source="track", visitor_id=person.pk)
    return log.write([event], now=at, pending=True)[0]


def done(now: datetime = NOON) -> None:
    """Let everything that waits be acted on."""
    drain(now=now)


def lead_of(email: str) -> Lead:
    return Lead.objects.get(email_normal=email)
