"""Whether mail leaves and what comes back of it is heard."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from campaigns.doors import reports
from campaigns.editing.guarding import HALTED
from campaigns.models import Message, ProviderEvent, Sequence, SequenceChange, WebhookCall
from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level

MAIL, SEQUENCES = "Mail", "Sequences"
LATELY = timedelta(days=1)
NEWEST = 2_000
# A provider that reports deliveries is heard of within minutes; after this much mail and no word its webhook is off.
ENOUGH_SENT = 20
SILENCE = timedelta(hours=6)
UNHEEDED = timedelta(hours=1)


def mail(now: datetime) -> Iterator[Finding]:
    transport = settings.MAIL["transport"]
    if transport == "mailbox":
        yield Finding(MAIL, Level.NOTICE, "Mail stays in the local mailbox.", "Set EMAIL_URL or EMAIL_PROVIDER.")
    if transport == "provider":
        yield from provider_reports(str(settings.MAIL["provider"]), now)
    found = newest(now).aggregate(
        sent=Count("pk", filter=Q(state="sent")), failed=Count("pk", filter=Q(state="failed"))
    )
    says = f"Of the newest mails {found['sent']:,} left in the last 24 hours, and {found['failed']:,} were refused."
    if not any(found.values()):
        says = "No mail left in the last 24 hours."
    is_bad = found["failed"] > max(10, found["sent"] // 10)
    remedy = "Read the reasons under History › Messages, state failed." if is_bad else ""
    yield Finding(MAIL, Level.WARNING if is_bad else Level.FINE, says, remedy)


def newest(now: datetime) -> QuerySet[Message]:
    """Mails that ended in the last day, among the newest: read backwards by the primary key, whatever there is."""
    ids = Message.objects.order_by("-pk").values("pk")[:NEWEST]
    return Message.objects.filter(pk__in=ids, settled_at__gt=now - LATELY, is_shadow=False)


def provider_reports(provider: str, now: datetime) -> Iterator[Finding]:
    """Whether the provider's webhook is open, and heard of."""
    if not reports.is_protected(provider):
        says = f"Bounces and complaints of {provider} are not heard: its webhook has no secret."
        yield Finding(MAIL, Level.PROBLEM, says, f"Set {' or '.join(reports.secrets_of(provider))}.")
        return
    last = last_report(provider)
    silent = last is None or now - last > SILENCE
    sent = newest(now).filter(state="sent", sent_at__lt=now - SILENCE / 6).count()
    if silent and sent >= ENOUGH_SENT:
        says = f"{sent:,} or more mails left in the last day; {provider} {_last(last)}."
        remedy = f"Look at the provider whether its webhook /webhooks/email/{provider}/tracking/ is on."
        yield Finding(MAIL, Level.WARNING, says, remedy)
    else:
        yield Finding(MAIL, Level.FINE, f"Its reports are heard: {provider} {_last(last)}.")


def last_report(provider: str) -> datetime | None:
    """When this provider reported last, among the newest reports: another one may have been used before."""
    newest = ProviderEvent.objects.order_by("-pk").values_list("provider", "at")[:NEWEST]
    return next((at for name, at in newest if name.lower().replace(" ", "_") == provider), None)


def unheeded(now: datetime) -> Iterator[Finding]:
    """Reports that were stored and not acted on: whoever was at it died, and the provider was asked to come again."""
    count = ProviderEvent.objects.filter(processed_at__isnull=True, at__lt=now - UNHEEDED).count()
    if count:
        says = f"{count:,} reports of the mail provider were stored and not acted on: addresses may wait to be blocked."
        yield Finding(MAIL, Level.WARNING, says, "Have the provider send them again, as its page of webhooks allows.")


def fates(now: datetime) -> Iterator[Finding]:
    """Mails that wait for a person's word."""
    unknown = Message.objects.filter(state="unknown", message_class="marketing", is_shadow=False).count()
    if unknown:
        says = f"{unknown:,} marketing mails may have left or not: a worker or connection died over them."
        yield Finding(MAIL, Level.WARNING, says, "See Messages, state unknown; “send again” is yours to say.")


def sequences(now: datetime) -> Iterator[Finding]:
    halted = SequenceChange.objects.filter(action=HALTED, at__gt=now - timedelta(days=30))
    stopped = Sequence.objects.filter(changes__in=halted, status__in=["paused", "frozen"]).distinct()
    for name in stopped.values_list("name", flat=True)[:10]:
        says = f"“{name}” was stopped: too many bounces, complaints or opt-outs."
        yield Finding(SEQUENCES, Level.WARNING, says, "Its page says why: mend its mails or its list, and resume it.")
    live = Sequence.objects.filter(status="live").count()
    yield Finding(SEQUENCES, Level.FINE, f"{live:,} sequences are live.")
    failed = WebhookCall.objects.filter(state="failed", created_at__gt=now - LATELY).count()
    if failed:
        says = f"{failed:,} webhooks of sequences were given up in the last 24 hours."
        yield Finding(SEQUENCES, Level.WARNING, says, "See History › Webhooks for what the other side answered.")


def _last(at: datetime | None) -> str:
    return f"reported last at {at:%Y-%m-%d %H:%M} UTC" if at else "has reported nothing yet"


for name, check in (("mail", mail), ("reports", unheeded), ("fates of mail", fates), ("sequences", sequences)):
    wellbeing.register(name, check)
