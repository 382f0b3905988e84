"""Opens and clicks: who did it, judged from the facts of the request; what it means, told to the log."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from campaigns.models import Hit, Message
from leads import actions
from leads.batch import NewEvent

# People read before they click. Scanners fetch a mail's links while it is being delivered.
TOO_SOON = timedelta(seconds=1)
SCANNERS = re.compile(
    r"bot\b|crawler|spider|scanner|GoogleImageProxy|YahooMailProxy|Barracuda|Mimecast|Proofpoint|urldefense|Symantec"
    r"|MessageLabs|Sophos|FireEye|TrendMicro|Cisco-?IronPort|ZmEu|BitDefender|Forcepoint|SafeLinks|HeadlessChrome"
    r"|Slackbot|facebookexternalhit|LinkedInBot|WhatsApp|preview",
    re.IGNORECASE,
)
# Apple's privacy proxy fetches every image of every mail, and names no program at all.
APPLE_PROXY = re.compile(r"^Mozilla/5\.0$")


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
    if request.method == "HEAD":
        return Judgement(False, "asked for the headers only")
    if APPLE_PROXY.match(request.user_agent):
        return Judgement(False, "Apple's privacy proxy")
    if SCANNERS.search(request.user_agent):
        return Judgement(False, "a known scanner or proxy")
    if since_sent is None or timedelta(0) <= since_sent < TOO_SOON:
        return Judgement(False, "at the moment of delivery")
    if other_link_just_now:
        return Judgement(False, "several links within a second")
    return Judgement(True, "a person, as far as we can tell")


@transaction.atomic
def record_hit(message: Message, *, kind: str, link: int | None, request: Request, now: datetime) -> Judgement:
    """Store the hit and tell the log; the same person's same click again is one event. `message` with its lead id."""
    just_now = Hit.objects.filter(message=message, kind=Hit.Kind.CLICK, at__gt=now - timedelta(seconds=1), at__lte=now)
    judgement = judge(
        request,
        kind=kind,
        since_sent=now - message.sent_at if message.sent_at else None,
        other_link_just_now=kind == Hit.Kind.CLICK and just_now.exclude(link=link).exists(),
    )
    Hit.objects.create(
        message=message,
        kind=kind,
        link=link,
        method=request.method,
        user_agent=request.user_agent[:400],
        verdict=Hit.Verdict.HUMAN if judgement.human else Hit.Verdict.MACHINE,
        reason=judgement.reason,
        at=now,
    )
    actions.record([_event(message, kind, link, judgement)], now=now)
    return judgement


def _event(message: Message, kind: str, link: int | None, judgement: Judgement) -> NewEvent:
    who = "human" if judgement.human else "machine"
    properties = {
        "message": message.pk,
        "sequence": message.sequence.slug if message.sequence else "",
        "step": message.step_key,
        "human": judgement.human,
        "reason": judgement.reason,
    }
    if message.broadcast_run is not None:
        properties["broadcast"] = message.broadcast_run.broadcast.slug
    if link is not None:
        properties |= {"link": link, "url": message.template_version.compiled["links"][link]}
    name = "email.clicked" if kind == Hit.Kind.CLICK else "email.opened"
    where = "" if link is None else f":{link}"
    return NewEvent(message.lead_id, name, properties, source="mail", key=f"{message.pk}:{kind}{where}:{who}")
