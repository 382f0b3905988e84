"""A broadcast's mails to colleagues, as they look for somebody. There is no message, so no report knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.editing import previewing
from campaigns.models import Broadcast, EmailTemplate, Suppression
from leads.addresses import hash_of
from leads.models import Lead

MOST_ADDRESSES = 10


@dataclass(frozen=True, slots=True)
class Tested:
    """How many mails left, and what kept others from it."""

    sent: int
    problems: list[str]


def send_test(broadcast: Broadcast, *, to: Sequence[str], lead: Lead | None = None, now: datetime) -> Tested:
    """Send each of its mails to each address, marked [Test]. Only addresses that bounced or complained are spared."""
    blocked = {address for address in to if _is_blocked(address)}
    problems = [f"{address}: it bounced or complained, so nothing is sent there" for address in sorted(blocked)]
    sent = 0
    for template, subject in mails_of(broadcast):
        for address in dict.fromkeys(to):
            if address in blocked:
                continue
            found = previewing.send_test(template, to=address, lead=lead, subject=subject, now=now)
            if found:
                problems += [f"{template.slug}: {problem}" for problem in found]
                break
            sent += 1
    return Tested(sent, problems)


def mails_of(broadcast: Broadcast) -> list[tuple[EmailTemplate, str]]:
    """Each mail with the subject that replaces its own; '' if none does."""
    chosen = [(mail.template, mail.subject) for mail in broadcast.variants.select_related("template")]
    return chosen or ([(broadcast.template, "")] if broadcast.template else [])


def _is_blocked(address: str) -> bool:
    everything = Suppression.Scope.EVERYTHING
    return Suppression.objects.filter(address_hash=hash_of(address), scope=everything).exists()
