"""Whether other systems reach us: by sender the last event, what failed, secrets that are missing, and odd silences."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Sum

from campaigns.wellbeing import last_report
from lifecycle.core import sql, wellbeing
from lifecycle.core.wellbeing import Finding, Level
from lifecycle.integrations import refusals, registry
from lifecycle.integrations.models import RefusedCall, WebhookSource
from lifecycle.integrations.webhook.provider import FAMILY, secrets_of

AREA = "Integrations"
LATELY = timedelta(days=1)
PARKED_LONG = timedelta(hours=2)
# Events of the four weeks before the last one say how often a sender speaks; few say nothing.
BEFORE = timedelta(days=28)
ENOUGH = 10
MOST_COUNTED = 500
# A silence of so many usual pauses, and of two days at least, is odd.
PAUSES = 8
SILENCE = timedelta(days=2)
_FIGURES = """
    SELECT name, latest.received_at,
        (SELECT count(*) FROM (
            SELECT FROM integrations_inboxevent e
            WHERE e.provider = name AND e.received_at > latest.received_at - %b::interval LIMIT %b) counted),
        (SELECT count(*) FROM integrations_inboxevent e
         WHERE e.state = 'dead' AND e.closed_at IS NOT NULL AND e.provider = name),
        (SELECT count(*) FROM integrations_inboxevent e
         WHERE e.state = 'dead' AND e.closed_at > %b::timestamptz AND e.provider = name),
        (SELECT count(*) FROM integrations_inboxevent e
         WHERE e.state IN ('waiting', 'parked') AND e.error <> '' AND e.provider = name),
        (SELECT count(*) FROM integrations_inboxevent e
         WHERE e.state = 'parked' AND e.received_at < %b::timestamptz AND e.provider = name),
        refused.times, refused.last_at, refused.codes
    FROM unnest(%b::text[]) AS name
    LEFT JOIN LATERAL (
        SELECT e.received_at FROM integrations_inboxevent e WHERE e.provider = name ORDER BY e.received_at DESC LIMIT 1
    ) latest ON true
    LEFT JOIN LATERAL (
        SELECT sum(r.times)::bigint AS times, max(r.last_at) AS last_at,
               string_agg(DISTINCT r.code, ', ' ORDER BY r.code) AS codes
        FROM integrations_refusedcall r WHERE r.provider = name AND r.last_at > %b::timestamptz
    ) refused ON true
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a sender. `usual`: how many events came in the four weeks up to the last one.

    `is_unreadable`: there is a secret, sealed with another key than ours.
    """

    title: str
    door: str
    has_secret: bool
    is_unreadable: bool = False
    last_at: datetime | None = None
    usual: int = 0
    dead: int = 0
    dead_lately: int = 0
    failing: int = 0
    parked: int = 0
    refused: int = 0
    refused_at: datetime | None = None
    codes: str = ""


def senders(now: datetime) -> Iterator[Finding]:
    """Three queries, however many senders there are."""
    for figures in read(now):
        yield from judge(figures, now)


def read(now: datetime) -> list[Figures]:
    """Of every vendor, and of every source that people set up and did not switch off."""
    known = {
        one.slug: (one.title, f"/webhooks/{one.slug}/", bool(one.secrets()), False) for one in registry.providers()
    }
    for source in WebhookSource.objects.filter(is_active=True):
        has_secret = bool(secrets_of(source))
        door = f"/webhooks/in/{source.slug}/"
        known[f"{FAMILY}:{source.slug}"] = (source.name, door, has_secret, bool(source.secret) and not has_secret)
    day_ago = now - LATELY
    rows = sql.fetch(_FIGURES, [BEFORE, MOST_COUNTED, day_ago, now - PARKED_LONG, list(known), day_ago])
    return [
        Figures(*known[name], last_at, usual, dead, lately, failing, parked, times or 0, refused_at, codes or "")
        for name, last_at, usual, dead, lately, failing, parked, times, refused_at, codes in rows
    ]


def judge(one: Figures, now: datetime) -> Iterator[Finding]:
    """What is to be said of a sender. Pure."""
    if one.is_unreadable:
        says = f"{one.title} is refused: its secret cannot be read, as it was sealed with another SECRET_KEY."
        yield Finding(
            AREA, Level.PROBLEM, says, "Set the former SECRET_KEY, or change the secret on the source's page."
        )
        return
    if not one.has_secret:
        yield _without_secret(one)
        return
    found = [*_troubles(one), *_reachable(one, now)]
    yield from found
    if one.last_at and not any(_moment(one.last_at) in finding.says for finding in found):
        yield Finding(AREA, Level.FINE, f"{one.title}: the last event came {_moment(one.last_at)}.")
    elif not found:
        yield Finding(AREA, Level.NOTICE, f"{one.title}: the door is open, no event has come yet.")


def _without_secret(one: Figures) -> Finding:
    if one.refused:
        # Anybody can knock at a door: that alone is no fault of this installation.
        says = f"{one.title} calls {one.door}, and is refused: no secret is set. {one.refused:,} calls in 24 hours."
        return Finding(AREA, Level.WARNING, says, "If you use it, set its secret; docs/webhooks.md tells how.")
    if one.last_at:
        says = f"{one.title} has no secret any more; its last event came {_moment(one.last_at)}."
        return Finding(AREA, Level.WARNING, says, "Set its secret, or switch its webhooks off over there.")
    return Finding(AREA, Level.NOTICE, f"{one.title} is not set up.", "docs/webhooks.md tells how.")


def _troubles(one: Figures) -> Iterator[Finding]:
    """What came and could not be carried out."""
    where = "See History › Inbox"
    if one.dead:
        says = f"{one.title}: {one.dead:,} events were given up, {one.dead_lately:,} of them in the last 24 hours."
        yield Finding(AREA, Level.PROBLEM, says, f"{where}, state dead: mend the cause, then replay them.")
    if one.failing:
        says = f"{one.title}: {one.failing:,} events failed and are tried again."
        yield Finding(AREA, Level.WARNING, says, f"{where}; the error of each tells what is wrong.")
    if one.parked:
        says = f"{one.title}: {one.parked:,} events have waited for hours for one that did not come."
        yield Finding(AREA, Level.WARNING, says, f"{where}, state parked, for what each waits for.")


def _reachable(one: Figures, now: datetime) -> Iterator[Finding]:
    """Whether what it sends gets in, and whether it still sends."""
    if one.refused:
        nothing_since = one.last_at is None or (one.refused_at is not None and one.last_at < now - LATELY)
        says = f"{one.title}: calls refused in the last 24 hours: {one.refused:,} ({one.codes})"
        if nothing_since:
            says += f", and none was taken since {_moment(one.last_at)}; its subscription may be disabled soon"
        remedy = f"Compare the secret over there with ours, and the clocks; the door is {one.door}."
        yield Finding(AREA, Level.PROBLEM if nothing_since else Level.WARNING, f"{says}.", remedy)
    elif one.last_at and one.usual >= ENOUGH and now - one.last_at > max(SILENCE, PAUSES * BEFORE / one.usual):
        says = f"{one.title} used to call regularly and fell silent: the last event came {_moment(one.last_at)}."
        remedy = f"Look over there whether its webhook to {one.door} was disabled, and set it up again."
        yield Finding(AREA, Level.WARNING, says, remedy)


def mail_reports(now: datetime) -> Iterator[Finding]:
    """Whether the mail provider's reports get in; what becomes of them, campaigns say."""
    if settings.MAIL["transport"] != "provider":
        return
    provider = str(settings.MAIL["provider"])
    refused = RefusedCall.objects.filter(provider=f"{refusals.MAIL}:{provider}", last_at__gt=now - LATELY)
    codes = Counter(dict(refused.values_list("code").annotate(Sum("times")).order_by()))
    if not codes:
        return
    last = last_report(provider)
    nothing_since = last is None or last < now - LATELY
    says = f"{provider}: {codes.total():,} reports were refused in the last 24 hours ({', '.join(sorted(codes))})"
    if nothing_since:
        says += f", and none was taken since {_moment(last)}: bounces and complaints are not heard"
    remedy = f"Compare the secret over there with ours; the door is /webhooks/email/{provider}/tracking/."
    yield Finding("Mail", Level.PROBLEM if nothing_since else Level.WARNING, f"{says}.", remedy)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


for name, check in (("integrations", senders), ("mail reports", mail_reports)):
    wellbeing.register(name, check)
