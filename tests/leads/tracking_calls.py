"""Calls of a tracking client as the endpoint stores them, for tests of what comes of them."""

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from leads.identity import drain
from leads.models import Lead, Visitor
from leads.tracking import Delivery, accept
from tests.factories import NOON


def browser(name: str) -> Visitor:
    return Visitor.objects.get(anonymous_id=name)


def user(name: str) -> Visitor:
    return Visitor.objects.get(user_id=name)


def call(kind: str, *, at: datetime = NOON, **body: Any) -> int:
    """Store a call; its event's id. Nothing has come of it yet."""
    sent = {"type": kind, "timestamp": at.isoformat(), "messageId": uuid4().hex, **body}
    kept = {name: value for name, value in sent.items() if value is not None}
    accepted = accept(Delivery([json.dumps(kept).encode()], kind), now=max(at, NOON))
    assert not accepted.refused, accepted.refused
    return accepted.event_ids[0]


def identify(user_id: str | None = None, anonymous_id: str | None = None, *, at: datetime = NOON, **traits: Any) -> int:
    return call("identify", at=at, userId=user_id, anonymousId=anonymous_id, traits=traits)


def alias(previous_id: str, user_id: str, *, at: datetime = NOON) -> int:
    return call("alias", at=at, previousId=previous_id, userId=user_id)


def group(group_id: str, user_id: str, *, at: datetime = NOON, **traits: Any) -> int:
    return call("group", at=at, groupId=group_id, userId=user_id, traits=traits)


def view(name: str, *, at: datetime = NOON, by_user: bool = False, **properties: Any) -> int:
    """A page view of a browser, or of a user."""
    who = {"userId": name} if by_user else {"anonymousId": name}
    properties = {"url": "https://www.example.com/", "path": "/", **properties}
    return call("page", at=at, properties=properties, **who)


def done(now: datetime = NOON) -> None:
    """Let everything that waits be acted on."""
    drain(now=now)


def lead_of(email: str) -> Lead:
    return Lead.objects.get(email_normal=email)
