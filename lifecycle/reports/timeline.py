"""One line of everything that happened to a person: acts, mails, moves, and what sales was told."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.models import Message
from leads.models import Event, Lead, StageChange
from lifecycle.reports import updates
from lifecycle.reports.hot_leads import person
from lifecycle.sales import bookings
from lifecycle.sales.models import Alert

SHOWN = 80
# Told in better words by rows of their own.
RETOLD = ("stage.changed", "email.sent")
ICONS = {
    "form": "edit_note",
    "page": "web",
    "pricing": "sell",
    "docs": "menu_book",
    "checkout": "shopping_cart",
    "demo": "play_circle",
    "meeting": "event",
    "purchase": "payments",
    "subscription": "autorenew",
    "payment": "credit_card",
    "usage": "speed",
    "email": "mail",
    "segment": "filter_alt",
    "temperature": "device_thermostat",
    "tier": "monitor_heart",
    "lead": "person",
    "owner": "assignment_ind",
    "visit": "web",
    "webinar": "video_camera_front",
    "api": "api",
    "sequence": "conversion_path",
    "enrollment": "conversion_path",
}
# Ours to know, not worth a reader's time.
HIDDEN = frozenset({"message_id", "enrollment_id", "lead_id", "id", "key", "touch_id", "submission", "actor"})
MAIL_ACTS = {"email.opened": "Opened a mail", "email.clicked": "Clicked in a mail"}
MONEY = frozenset({"purchase", "subscription", "payment"})
# Our own events, in a sentence; the names in braces are properties.
SENTENCES = {
    "tier.changed": "Engagement: {before} → {after}",
    "lead.sunset": "Put to sunset after {quiet_days} quiet days: marketing mail rests",
    "lead.revived": "Back from sunset, by {by}",
    "visit.started": "A visit began",
    "temperature.changed": "Temperature {before} → {after}",
    "segment.entered": "Entered the segment {segment}",
    "segment.left": "Left the segment {segment}",
    "owner.assigned": "Given to {owner}",
    "sequence.task_requested": "Asked of the rep: {title}",
    "colleague.acted": "A colleague: {kind}",
    "webinar.registered": "Registered for {webinar}, {title}, on {when}",
    "webinar.waitlisted": "Waits for a seat in {webinar}, {title}",
    "webinar.registration_canceled": "Gave up the place in {webinar}, {title}",
    "webinar.moved": "{webinar} was moved to {when}",
    "webinar.canceled": "{webinar}, {title}, was canceled",
    "webinar.join_clicked": "Followed the link to join {webinar}",
    "webinar.link_changed": "Got a join link of their own for {webinar}",
    "webinar.attended": "Attended {webinar}, {title}",
    "webinar.missed": "Did not come to {webinar}, {title}",
    "webinar.recording_published": "The recording of {webinar} was published",
    "purchase.completed": "Paid {amount} {currency}",
    "purchase.refunded": "Got {amount} {currency} back",
    "purchase.refund_failed": "A refund failed: {amount} {currency} did not go back",
    "subscription.started": "Subscribed to {plan}",
    "subscription.renewed": "Renewed {plan}",
    "subscription.changed": "Changed the subscription: {plan}",
    "subscription.canceling": "Canceled {plan}; it ends on {ends_at}",
    "subscription.resumed": "Goes on with {plan} after all",
    "subscription.ended": "{plan} ended",
    "subscription.lapsed": "No subscription left: lapsed",
    "subscription.reason_given": "Said why they left: {label}",
    "subscription.trial_ending": "The trial of {plan} ends on {ends_at}",
    "payment.failed": "A payment failed: {amount} {currency}, attempt {attempt}",
    "payment.recovered": "The failed payment came through",
    "lead.merged": "Another lead was merged into this one, by {by}",
    "lead.unmerged": "A merge was undone, by {by}",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the timeline. `tone` is one of act, mail, move, told, quiet."""

    at: datetime
    icon: str
    title: str
    detail: str
    tone: str


def timeline(lead: Lead, *, stages: Iterable[StageChange], messages: Iterable[Message]) -> list[Moment]:
    """The newest moments of a lead, newest first."""
    events = Event.objects.filter(lead=lead).exclude(kind__in=RETOLD).order_by("-occurred_at", "-pk")[:SHOWN]
    alerts = Alert.objects.filter(lead=lead).order_by("-created_at")[:SHOWN]
    moments = [of_event(event) for event in events]
    moments += [of_move(change) for change in stages]
    moments += [of_message(message) for message in messages]
    moments += [
        Moment(row.created_at, "notifications", f"Sales told: {row.headline}", row.to_email, "told") for row in alerts
    ]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)[:SHOWN]


def of_event(event: Event) -> Moment:
    subject = event.kind.split(".")[0]
    tone = "quiet" if event.source == "engine" else "act"
    if event.kind in bookings.WORDS:
        title, detail = bookings.told(event.kind, event.properties)
        return Moment(event.occurred_at, ICONS[subject], title, detail, tone)
    if event.kind == "lead.updated":
        title, detail = updates.told(event.properties, event.source)
        return Moment(event.occurred_at, ICONS[subject], title, detail, tone)
    if event.kind in MAIL_ACTS and "human" in event.properties:
        title, detail = mail_act(event.kind, event.properties)
        return Moment(event.occurred_at, ICONS[subject], title, detail, tone if event.properties["human"] else "quiet")
    if event.kind == "date.reached":
        return Moment(event.occurred_at, ICONS.get("date", "event"), came(event.properties), "", tone)
    if event.kind in SENTENCES:
        known = {name: value for name, value in event.properties.items() if value not in (None, "")}
        title = SENTENCES[event.kind].format_map(defaultdict(lambda: "?", known))
        detail = bought(event.properties) if subject == "purchase" else str(known.get("comment", ""))[:200]
        if event.kind == "tier.changed":
            title = title.replace("_", " ")
        if subject in MONEY and "?" in title:
            title = words(event.kind)  # told without what the sentence is about
        return Moment(event.occurred_at, ICONS.get(subject, "bolt"), title, detail, tone)
    return Moment(event.occurred_at, ICONS.get(subject, "bolt"), words(event.kind), said(event.properties), tone)


def mail_act(kind: str, told: Mapping[str, Any]) -> tuple[str, str]:
    """An open or a click, and whose it was: what machines do counts for nothing."""
    whose = MAIL_ACTS[kind] if told["human"] else f"A machine {MAIL_ACTS[kind].lower()}"
    mail = str(told.get("broadcast") or told.get("sequence") or "").replace("-", " ").capitalize()
    why = "" if told["human"] else str(told.get("reason", ""))
    return whose, " · ".join(part for part in (mail, str(told.get("url", ""))[:120], why) if part)


def came(told: Mapping[str, Any]) -> str:
    """A date of the person, or the day so long before or after it: “30d before renewal date, 2027-01-01”."""
    name = str(told.get("field", "date")).rpartition(".")[2].replace("_", " ")
    offset, day = str(told.get("offset", "")), told.get("date", "?")
    if offset.startswith("-"):
        return f"{offset[1:]} before {name}, {day}"
    return f"{offset} after {name}, {day}" if offset.strip("0dhm") else f"{name}, {day}".capitalize()


def of_move(change: StageChange) -> Moment:
    by = f", by {person(change.actor)}" if change.actor else ""
    title = f"Stage {change.get_before_display()} → {change.get_after_display()}"
    return Moment(change.at, "stairs", title, f"{change.reason}{by}", "move")


def of_message(message: Message) -> Moment:
    mail = message.subject or message.template_version.template.name
    detail = message.sequence.name if message.sequence else ""
    if message.reason:
        detail = f"{detail} · {message.reason}" if detail else message.reason
    at = message.sent_at or message.settled_at or message.created_at
    return Moment(at, "outgoing_mail", f"Mail {message.get_state_display().lower()}: {mail}", detail, "mail")


def bought(properties: dict[str, Any]) -> str:
    """The products of a purchase, in a line; else what else it says."""
    products = properties.get("products")
    names = [each.get("name", "") if isinstance(each, dict) else str(each) for each in products or []]
    return ", ".join(name for name in names if name)[:200] if isinstance(products, list) and names else said(properties)


def words(kind: str) -> str:
    """A kind as words: pricing.viewed → Pricing viewed."""
    return kind.replace(".", " ").replace("_", " ").capitalize()


def said(properties: dict[str, Any]) -> str:
    """The plain properties of an event, in a line that ends."""
    plain = {
        name: value for name, value in properties.items() if name not in HIDDEN and isinstance(value, str | int | float)
    }
    text = " · ".join(f"{name.replace('_', ' ')}: {value}" for name, value in plain.items() if value != "")
    return text if len(text) <= 200 else f"{text[:199]}…"
