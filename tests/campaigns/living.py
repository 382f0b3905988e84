"""A live run for the proof of rehearsals: people act at random, and the engine runs whenever something is due."""

import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Min

from campaigns.consent import suppressing
from campaigns.models import Enrollment, Hit, Message, Sequence, WaitingEntry
from campaigns.rehearsal.records import Record
from campaigns.sending.delivery.contract import Transport
from campaigns.sending.tracking import Request, find, record_hit
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead
from leads.pipeline import process_at_once
from lifecycle import engine
from tests.campaigns.sequences import live
from tests.cast import FIREFOX
from tests.factories import NOON, ScoreGroupFactory, ScoreRuleFactory, SegmentFactory, StageRuleFactory

Act = Callable[[datetime], None]
Script = list[tuple[datetime, tuple[int, Act]]]
"""When, who, what."""


def sequences() -> list[Sequence]:
    """Some that meet each other: in a group, under the cap, with every way in, on and out."""
    return [
        live(
            "nurture",
            group="talk",
            priority=20,
            entry={
                "triggers": [
                    {"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": "contact"}]}
                ],
                "filters": {"not": {"field": "stage", "op": "eq", "value": "customer"}},
                "reentry": {"after": "9d"},
            },
            exits=[
                {"goal": "meeting.booked"},
                {"when": {"field": "stage", "op": "eq", "value": "customer"}, "reason": "customer"},
            ],
            steps=[
                {"id": "hello", "send": "hello"},
                {"id": "pause", "wait": "2d"},
                {"id": "second", "send": variants("second-a", "second-b")},
                {
                    "id": "until-click",
                    "wait": {"event": "email.clicked", "at_most": "3d", "then": "hot", "else": "tag"},
                },
                {"id": "tag", "set": {"field": "attributes.nurtured", "value": True}},
                {"id": "hot", "branch": {"if": {"field": "temperature", "op": "eq", "value": "hot"}, "then": "tell"}},
                {"id": "until-tuesday", "wait": {"calendar": {"weekday": "tuesday", "time": "09:00"}}},
                {"id": "third", "send": "third"},
                {"id": "tell", "notify": {"message": "Look"}},
                {"id": "last", "send": "last"},
            ],
        ),
        live(
            "orders",
            priority=50,
            entry={
                "triggers": [{"event": "purchase.completed"}],
                "key": "order",
                "reentry": "once_per_key",
                "second_trigger": "merge",
            },
            steps=[
                {"id": "thanks", "send": "thanks"},
                {"id": "five", "wait": "5d"},
                {"id": "more", "send": "more"},
            ],
        ),
        live(
            "chase",
            group="talk",
            priority=30,
            window={"from": "08:00", "until": "18:00", "weekdays": ["monday", "tuesday", "wednesday", "friday"]},
            holdout=30,
            entry={"triggers": [{"event": "pricing.viewed"}], "reentry": "after_exit"},
            exits=[{"goal": "form.submitted"}],
            steps=[
                {"id": "a", "send": "chase-a"},
                {"id": "wait-a", "wait": "1d"},
                {"id": "b", "send": "chase-b", "late_after": "6h"},
                {"id": "wait-b", "wait": "30h"},
                {"id": "c", "send": "chase-c"},
            ],
        ),
        live(
            "hot-people",
            group="talk",
            priority=40,
            entry={"triggers": [{"segment": "hot"}], "reentry": "after_exit"},
            exits=[{"when": {"event": "pricing.viewed", "at_most": 0, "within": "6d"}, "reason": "cooled"}],
            steps=[
                {"id": "hot-1", "send": "hot-1"},
                {"id": "hot-wait", "wait": "3d"},
                {"id": "hot-2", "send": "hot-2"},
            ],
        ),
        live(
            "webinar",
            priority=45,
            entry={
                "triggers": [{"event": "webinar.registered"}, {"event": "webinar.moved", "updates": True}],
                "key": "code",
                "reentry": "after_exit",
                "second_trigger": "restart",
                "filters": {"any": [CUSTOMER, {"event": "pricing.viewed"}]},
                "grace": "3d",
            },
            exits=[{"goal": "webinar.canceled", "match": "key"}, {"goal": "meeting.booked", "company": True}],
            steps=[
                {"id": "seat", "send": "seat"},
                {"id": "before", "wait": {"date": {"property": "starts_at", "offset": "-1d"}}},
                {"id": "soon", "send": "soon"},
            ],
        ),
        live(
            "each-guide",
            priority=5,
            entry={
                "triggers": [
                    {"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": "guide"}]}
                ],
                "second_trigger": "parallel",
            },
            steps=[{"id": "guide", "send": "guide"}, {"id": "rest", "wait": "2d"}, {"id": "tips", "send": "tips"}],
        ),
        live(
            "echo",
            priority=1,
            entry={"triggers": [{"event": "lead.updated"}], "reentry": "after_exit"},
            steps=[{"id": "echo-1", "send": "echo-1"}, {"id": "echo-set", "set": {"field": "industry", "value": "x"}}],
        ),
    ]


def sleepers() -> list[Sequence]:
    """Who is quiet is asked once and put to sunset; another one mails whenever something is noted of a person."""
    return [
        live(
            "sleepers",
            entry={
                "triggers": [
                    {"event": "tier.changed", "where": [{"property": "after", "op": "eq", "value": "dormant"}]}
                ],
                "filters": {"field": "sunset_at", "op": "is_not_set"},
                "reentry": "after_exit",
            },
            exits=[
                {
                    "when": {"field": "engagement_tier", "op": "ne", "value": "dormant"},
                    "reason": "came back",
                }
            ],
            steps=[
                {"id": "ask", "send": "ask"},
                {"id": "a-day", "wait": "1d"},
                {"id": "sunset", "set": {"field": "sunset", "value": True}},
            ],
        ),
        live(
            "notes",
            entry={"triggers": [{"event": "crm.noted"}], "reentry": "after_exit"},
            steps=[{"id": "note", "send": "note"}],
        ),
    ]


def sleeping(leads: Iterable[Lead], *, seed: int, days: int) -> Script:
    """People who act now and then, and of whom something is noted more often."""
    dice = random.Random(seed)
    made: Script = []
    for lead in leads:
        for kind in ["page.viewed"] * dice.randint(1, 3) + ["crm.noted"] * 5:
            made.append((NOON + timedelta(days=dice.uniform(0, days)), (lead.pk, _recording(lead, kind, {}))))
    return sorted(made, key=lambda each: each[0])


CUSTOMER = {"field": "stage", "op": "eq", "value": "customer"}


def form(slug: str) -> dict[str, object]:
    return {"event": "form.submitted", "where": [{"property": "form", "op": "eq", "value": slug}]}


def variants(*templates: str) -> dict[str, object]:
    return {"variants": [{"key": name[-1], "weight": 50, "template": name} for name in templates]}


def rules() -> None:
    """Scores, stages and a segment, so that facts change by what people do."""
    group = ScoreGroupFactory(cap=100)
    ScoreRuleFactory(group=group, event_kind="pricing.viewed", points=20)
    ScoreRuleFactory(group=group, event_kind="email.clicked", points=15)
    StageRuleFactory(to="customer", from_stages=["cold", "mql"], event_kind="purchase.completed")
    StageRuleFactory(to="mql", from_stages=["cold"], event_kind="form.submitted")
    SegmentFactory(slug="hot", rule={"field": "score", "op": "gte", "value": 30})


def acts(leads: Iterable[Lead], *, seed: int, days: int) -> Script:
    """What people do, at odd moments, in order."""
    dice = random.Random(seed)
    leads = list(leads)
    made: Script = [
        (NOON + after, (lead.pk, _recording(lead, kind, told))) for after, lead, kind, told in _always(leads)
    ]
    # Hot by this click, six days after the prices: the mail waits for the morning in Tokyo, and then it is too late.
    made.append((NOON + timedelta(days=6, hours=3), (leads[2].pk, partial(_click, leads[2], 0))))
    for lead in leads:
        for _ in range(dice.randint(1, 9)):
            at = NOON + timedelta(days=dice.uniform(0, days))
            made.append((at, (lead.pk, _act(lead, dice, at))))
    return sorted(made, key=lambda each: each[0])


def _always(leads: list[Lead]) -> list[tuple[timedelta, Lead, str, dict[str, object]]]:
    """What happens whatever the dice say: a second seat for the same webinar, a booked demo, a late click."""
    seat = {"code": "WB009", "starts_at": (NOON + timedelta(days=9)).isoformat()}
    return [
        (timedelta(hours=5), leads[0], "pricing.viewed", {}),
        (timedelta(hours=7), leads[0], "webinar.registered", seat),
        (timedelta(hours=11), leads[0], "webinar.registered", seat),
        (timedelta(hours=3), leads[1], "form.submitted", {"form": "contact"}),
        (timedelta(hours=50), leads[1], "meeting.booked", {}),
        (timedelta(minutes=20), leads[2], "form.submitted", {"form": "guide"}),
        (timedelta(hours=5), leads[2], "pricing.viewed", {}),
    ]


def _recording(lead: Lead, kind: str, told: dict[str, object]) -> Act:
    return lambda now: _record(NewEvent(lead.pk, kind, told), now)


HABITS = [
    *("form form form form pricing pricing pricing pricing purchase purchase meeting click click click".split()),
    *("webinar webinar webinar webinar webinar stop".split()),
]


def _act(lead: Lead, dice: random.Random, at: datetime) -> Act:
    name = dice.choice(HABITS)
    luck, other = dice.random(), dice.random()
    match name:
        case "click":
            return lambda now: _click(lead, luck, now)
        case "stop":
            scope = "marketing" if luck < 0.5 else "everything"
            reason = "unsubscribed" if luck < 0.5 else "hard bounce"
            return lambda now: _stop(lead, scope, reason, now)
        case "form":
            event = NewEvent(lead.pk, "form.submitted", {"form": "contact" if luck < 0.8 else "guide"})
        case "pricing":
            event = NewEvent(lead.pk, "pricing.viewed", {"plan": "pro"})
        case "webinar":
            kind = "registered" if other < 0.5 else "moved" if other < 0.8 else "canceled"
            starts_at = (at + timedelta(days=luck * 6)).replace(microsecond=0).isoformat()
            event = NewEvent(lead.pk, f"webinar.{kind}", {"code": f"WB00{int(luck * 2)}", "starts_at": starts_at})
        case "purchase":
            event = NewEvent(lead.pk, "purchase.completed", {"order": f"o{int(luck * 3)}"})
        case _:
            event = NewEvent(lead.pk, "meeting.booked", {})
    return lambda now: _record(event, now)


def _record(event: NewEvent, now: datetime) -> None:
    record([NewEvent(event.lead_id, event.kind, event.properties, occurred_at=now, source="test")], now=now)


def _stop(lead: Lead, scope: str, reason: str, now: datetime) -> None:
    suppressing.suppress(lead.address_hash, scope=scope, reason=reason, source="test", now=now)


def _click(lead: Lead, luck: float, now: datetime) -> None:
    mails = Message.objects.filter(lead=lead, state="sent").values_list("pk", flat=True)
    mail = find(mails[int(luck * len(mails))]) if mails else None
    if mail:
        record_hit(mail, kind=Hit.Kind.CLICK, link=0, request=Request("GET", FIREFOX), now=now)


def go(transport: Transport, made: Script, *, until: datetime) -> None:
    """From moment to moment: at each act and at each time that something is due, the engine runs."""
    acting = list(made)
    while True:
        times = [acting[0][0]] if acting else []
        times += [at for at in _dues() if at is not None]
        now = min(times, default=until)
        if now >= until:
            return
        while acting and acting[0][0] <= now:
            lead_id, act = acting.pop(0)[1]
            act(now)
            process_at_once(lead_id, now=now)
        engine.run(transport, now=now)


def _dues() -> list[datetime | None]:
    return [
        Enrollment.objects.filter(state="active", is_held=False).aggregate(at=Min("due_at"))["at"],
        Message.objects.filter(state="ready", is_held=False).aggregate(at=Min("due_at"))["at"],
        WaitingEntry.objects.aggregate(at=Min("until"))["at"],
        Lead.objects.aggregate(at=Min("tier_due_at"))["at"],
    ]


def lived(sequence: Sequence) -> tuple[list[object], list[object]]:
    """What really came of it: (runs, mails), each as a line to compare."""
    runs = [
        (row.lead_id, row.key, _minute(row.enrolled_at), _minute(row.ended_at), row.exit_reason)
        for row in Enrollment.objects.filter(sequence=sequence)
    ]
    mails = [
        (row.lead_id, row.step_key, row.variant_key, row.state, _minute(row.settled_at), row.reason)
        for row in Message.objects.filter(sequence=sequence)
    ]
    return sorted(runs, key=str), sorted(mails, key=str)


def rehearsed(records: Iterable[Record]) -> tuple[list[object], list[object]]:
    """What the rehearsal says, in the same lines."""
    records = list(records)
    runs = [
        (record.lead_id, run.key, _minute(run.entered_at), _minute(run.ended_at), run.exit_reason)
        for record in records
        for run in record.runs
    ]
    mails = [
        (record.lead_id, mail.step_key, mail.variant_key, mail.state, _minute(mail.settled_at), mail.reason)
        for record in records
        for mail in record.mails
    ]
    return sorted(runs, key=str), sorted(mails, key=str)


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
