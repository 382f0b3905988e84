"""Opens and clicks: who did it, judged from the facts of the request; what it means, told to the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from campaigns.models import Hit
from campaigns.sending import utm
from leads import actions, devices
from leads.batch import NewEvent
from lifecycle.core import sql
from lifecycle.core.machines import machine

# People read before they click. Scanners fetch a mail's links while it is being delivered.
TOO_SOON = timedelta(seconds=1)
# Opens and clicks come in floods, so nothing of a mail is read but what they need.
_FIND = """
    SELECT m.id, m.lead_id, m.sent_at, coalesce(s.slug, ''), m.step_key, b.slug, v.compiled -> 'links', t.slug,
           jsonb_build_object('adds_utm', v.source -> 'adds_utm', 'utm_campaign', v.source -> 'utm_campaign')
    FROM campaigns_message m
    JOIN campaigns_templateversion v ON v.id = m.template_version_id
    JOIN campaigns_emailtemplate t ON t.id = v.template_id
    LEFT JOIN campaigns_sequence s ON s.id = m.sequence_id
    LEFT JOIN campaigns_broadcastrun r ON r.id = m.broadcast_run_id
    LEFT JOIN campaigns_broadcast b ON b.id = r.broadcast_id
    WHERE m.id = %b
"""
_OTHER_LINK = """
    SELECT EXISTS (SELECT FROM campaigns_hit
                   WHERE message_id = %b AND kind = 'click' AND at > %b AND at <= %b AND link <> %b)
"""
_STORE = """
    INSERT INTO campaigns_hit (message_id, kind, link, method, user_agent, verdict, reason, at)
    VALUES (%b, %b, %b, %b, %b, %b, %b, %b)
"""


class Mail(NamedTuple):
    """What opens and clicks need of a message. `broadcast` is the slug of the one it belongs to."""

    id: int
    lead_id: int
    sent_at: datetime | None
    sequence: str
    step: str
    broadcast: str | None
    links: list[str]
    template: str = ""
    source: Mapping[str, Any] = {}

    def destination(self, link: int) -> str:
        """Where this link leads: as it was written, with the UTM values that the mail gives its links."""
        campaign = self.sequence or self.broadcast or self.template
        content = self.step if self.sequence else self.template
        return utm.added(self.links[link], utm.values(self.source, campaign=campaign, content=content))


@dataclass(frozen=True, slots=True)
class Request:
    """What a hit looked like. `user_agent` as sent."""

    method: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Judgement:
    human: bool
    reason: str


def judge(request: Request, *, kind: str, since_sent: timedelta | None, other_link_just_now: bool) -> Judgement:
    """Was it a person? `since_sent`: None when the mail's sending is not settled. Pure; reasons are shown to people."""
    if known := machine(request.method, request.user_agent):
        return Judgement(False, known)
    if since_sent is None or timedelta(0) <= since_sent < TOO_SOON:
        return Judgement(False, "at the moment of delivery")
    if other_link_just_now:
        return Judgement(False, "several links within a second")
    return Judgement(True, "a person, as far as we can tell")


def find(message_id: int) -> Mail | None:
    rows = sql.fetch(_FIND, [message_id])
    return Mail(*rows[0]) if rows else None


@transaction.atomic
def record_hit(mail: Mail, *, kind: str, link: int | None, request: Request, now: datetime) -> Judgement:
    """Store the hit and tell the log; the same person's same click again is one event."""
    judgement = judge(
        request,
        kind=kind,
        since_sent=now - mail.sent_at if mail.sent_at else None,
        other_link_just_now=kind == Hit.Kind.CLICK and _other_link_just_now(mail, link, now),
    )
    verdict = Hit.Verdict.HUMAN if judgement.human else Hit.Verdict.MACHINE
    asked = [request.method, request.user_agent[:400]]
    sql.execute(_STORE, [mail.id, str(kind), link, *asked, str(verdict), judgement.reason, now])
    actions.record([_event(mail, kind, link, judgement, request.user_agent)], now=now)
    return judgement


def _other_link_just_now(mail: Mail, link: int | None, now: datetime) -> bool:
    return bool(sql.fetch(_OTHER_LINK, [mail.id, now - timedelta(seconds=1), now, link])[0][0])


def _event(mail: Mail, kind: str, link: int | None, judgement: Judgement, user_agent: str) -> NewEvent:
    who = "human" if judgement.human else "machine"
    properties = {
        "message": mail.id,
        "sequence": mail.sequence,
        "step": mail.step,
        "human": judgement.human,
        "reason": judgement.reason,
    }
    if mail.broadcast is not None:
        properties |= {"broadcast": mail.broadcast, "template": mail.template}
    if link is not None:
        properties |= {"link": link, "url": mail.links[link], "device": devices.of(user_agent)}
        if (landed := mail.destination(link)) != mail.links[link]:
            properties["landed"] = landed
    name = "email.clicked" if kind == Hit.Kind.CLICK else "email.opened"
    where = "" if link is None else f":{link}"
    return NewEvent(mail.lead_id, name, properties, source="mail", key=f"{mail.id}:{kind}{where}:{who}")
