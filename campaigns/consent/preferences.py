"""What mail a person wants, topic by topic."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.consent.suppressing import lift, suppress
from campaigns.models import Suppression, Topic
from leads.models import Lead
from lifecycle.core.deadlocks import atomic_with_retry

SOURCE = "preference page"


@dataclass(frozen=True, slots=True)
class Choice:
    slug: str
    name: str
    description: str
    is_on: bool


def masked(email: str) -> str:
    """ana@acme.com → a…@acme.com: enough to recognise one's own, not enough to learn another's."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


def choices(lead: Lead) -> list[Choice]:
    """Every topic with whether the person gets it."""
    blocked = list(Suppression.objects.filter(address_hash=lead.address_hash).values_list("scope", "topic_id"))
    nothing = any(scope != Suppression.Scope.TOPIC for scope, _ in blocked)
    off = {topic_id for _, topic_id in blocked}
    return [
        Choice(topic.slug, topic.name, topic.description, not nothing and topic.pk not in off)
        for topic in Topic.objects.all()
    ]


@atomic_with_retry
def save(lead: Lead, *, wanted: set[str], now: datetime) -> None:
    """Get exactly the topics of these slugs; none of them is an opt-out of all marketing.

    All of it or nothing: between lifting the one block and setting the others, no mail may slip through.
    """
    topics = list(Topic.objects.all())
    if not any(topic.slug in wanted for topic in topics):
        suppress(lead.address_hash, scope=Suppression.Scope.MARKETING, reason="unsubscribed", source=SOURCE, now=now)
        return
    lift(lead, topic=None, source=SOURCE, now=now)
    for topic in topics:
        if topic.slug in wanted:
            lift(lead, topic=topic, source=SOURCE, now=now)
        else:
            reason = f"opted out of {topic.slug}"
            suppress(
                lead.address_hash, scope=Suppression.Scope.TOPIC, reason=reason, source=SOURCE, now=now, topic=topic
            )
