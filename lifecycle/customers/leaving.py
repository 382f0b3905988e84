"""Why somebody left, in their own words: one signed link a reason, and what they answered last.

A link tells nothing by being opened, as scanners of mail open it; the page behind it has the button.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from leads import claiming, log
from leads.batch import Batch, NewEvent
from leads.models import Lead
from leads.reacting import react
from leads.whereabouts import present
from lifecycle.core import sql, tokens
from lifecycle.customers.models import LeavingReason, Subscription

KIND, BACK = "subscription.reason_given", "subscription.started"
# The attributes of a lead that say it; rules and mails read them.
REASON, COMMENT = "churn_reason", "churn_details"
LINK_LIVES = timedelta(days=90)
LONGEST_COMMENT = 2_000
ANY = 0  # in a link that leaves the reason open

# What counts of each person: their last word, unless they came back since.
_LAST = """
    SELECT DISTINCT ON (lead_id) lead_id, kind, properties FROM leads_event
    WHERE lead_id = ANY(%b::bigint[]) AND kind IN ('subscription.reason_given', 'subscription.started')
    ORDER BY lead_id, occurred_at DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said. `reason`: the name of a reason, in whose words now is another matter."""

    reason: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link stands for. `lead_id` is None when the person was erased."""

    lead_id: int | None
    reason_id: int
    is_late: bool


def links(lead_ids: Sequence[int], now: datetime) -> list[dict[str, Any]]:
    """For each person a link that leaves the reason open, and one for each reason. One query."""
    reasons = [(row.pk, row.label) for row in offered()]
    until = int((now + LINK_LIVES).timestamp())
    return [
        {
            "url": _link(lead_id, ANY, until),
            "reasons": [{"label": label, "url": _link(lead_id, pk, until)} for pk, label in reasons],
        }
        for lead_id in lead_ids
    ]


def offered() -> list[LeavingReason]:
    """In their order."""
    return list(LeavingReason.objects.filter(is_active=True))


def opened(token: str, *, now: datetime) -> Opened | None:
    """What the token of a link opens; None for one that is not ours."""
    read = tokens.read_leaving_token(token)
    if read is None:
        return None
    return Opened(present(read.lead_id), read.reason_id, is_late=now.timestamp() >= read.expires)


def answer_of(lead_id: int) -> Answer | None:
    """What somebody said last; None if nothing since they last began."""
    return _last([lead_id]).get(lead_id)


def tell(lead_id: int, answer: Answer, *, now: datetime) -> bool:
    """Put it into the log, once: the same again is no news, another one is a later event. False if nobody is there."""
    with transaction.atomic():
        if not claiming.hold([lead_id]):
            return False
        before = answer_of(lead_id)
        is_news = before is None or answer.reason != before.reason or answer.comment not in ("", before.comment)
        if is_news:
            log.write([_event(lead_id, answer)], now=now, pending=True)
    if is_news:
        react(lead_id, now=now)
    return True


def keep(batch: Batch) -> None:
    """Bring the attributes of who said why, or came back, in line: one query, none for a wave without either."""
    events = {event.lead_id: event for event in batch.events if event.kind in (KIND, BACK)}
    if not events:
        return
    last = _last(events)
    for lead_id, event in events.items():
        row, said = batch.leads[lead_id], last.get(lead_id)
        others = {name: value for name, value in row["attributes"].items() if name not in (REASON, COMMENT)}
        own = {REASON: said.reason, COMMENT: said.comment} if said else {}
        if row.set("attributes", others | {name: value for name, value in own.items() if value}):
            told = {"fields": ["attributes"], "source": "customers"}
            batch.raise_event(NewEvent(lead_id, "lead.updated", told, key=f"leaving:{event.id}"), event)


def words(slugs: Iterable[str]) -> dict[str, str]:
    """Reasons in people's words; a name that is none of ours is left out."""
    return dict(LeavingReason.objects.filter(slug__in=set(slugs)).values_list("slug", "label"))


def _link(lead_id: int, reason_id: int, until: int) -> str:
    return f"{settings.SITE_URL.rstrip('/')}/leaving/{tokens.leaving_token(lead_id, reason_id, until)}"


def _last(lead_ids: Iterable[int]) -> dict[int, Answer]:
    return {
        lead_id: Answer(str(told.get("reason") or "")[:60], str(told.get("comment") or "")[:LONGEST_COMMENT])
        for lead_id, kind, told in sql.fetch(_LAST, [list(lead_ids)])
        if kind == KIND
    }


def _event(lead_id: int, answer: Answer) -> NewEvent:
    """With what they left, if that is known."""
    left = Subscription.objects.filter(lead=lead_id).order_by("ended_at", "-started_at").last()
    label = words([answer.reason]).get(answer.reason, answer.reason)
    told = {"reason": answer.reason, "label": label, "comment": answer.comment}
    if left is not None:
        told |= {"subscription": left.reference, "plan": left.plan}
    return NewEvent(lead_id, KIND, told, source="web", key=uuid4().hex)


def is_client(lead_id: int) -> bool:
    """Whether they are with us again."""
    return Lead.objects.filter(pk=lead_id, is_client=True).exists()
