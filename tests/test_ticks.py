"""The engine asks once what is due: an idle tick is cheap, and nothing that is due is passed over."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction

from campaigns import launching
from campaigns.broadcasts import running as broadcasts
from campaigns.broadcasts import watching
from campaigns.editing import guarding, moving
from campaigns.experiments import judging
from campaigns.models import (
    Backfill,
    BackfillEntry,
    Broadcast,
    EmailTemplate,
    Enrollment,
    Experiment,
    Message,
    ProviderEvent,
    RehearsalRun,
    Sequence,
    WaitingEntry,
    WebhookCall,
)
from campaigns.rehearsal import jobs as rehearsals
from campaigns.running import dates, pausing, runner, waiting, webhooks
from campaigns.sending import outbox, settling
from leads import actions, engagement, fading, identity, pipeline, segments
from leads.batch import NewEvent
from leads.models import Event, Lead, PendingIdentity, Segment, Workspace
from leads.models.segment import SegmentDue, SegmentTally
from lifecycle import schedule
from lifecycle.core import ticks
from lifecycle.customers import checking
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent
from lifecycle.integrations.zoom import registrants
from lifecycle.sales import alerting, meetings
from lifecycle.sales.models import Alert, Meeting
from tests.campaigns.sequences import count_queries, enrolled
from tests.cast import World, letters
from tests.factories import NOON, LeadFactory, VisitorFactory
from tests.webinars import attendees
from webinars import attending, syncing
from webinars.models import RegistrantSync

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

PAST = NOON - timedelta(seconds=1)
LONG_AGO = NOON - timedelta(days=1)
RUN_OUT = datetime(2020, 1, 1, tzinfo=NOON.tzinfo)  # leases go by the database's own clock

# Sweeps that do not say when they may have work: it hangs on rules that people write. They run with every tick.
ALWAYS = {dates.sweep, actions.sweep_stages}


def nurture() -> Sequence:
    return Sequence.objects.get(slug="demo-nurture")


def mail(**changes: object) -> None:
    [message] = letters([LeadFactory()])
    Message.objects.filter(pk=message.pk).update(**changes)


def lead(**changes: object) -> Lead:
    made = LeadFactory()
    Lead.objects.filter(pk=made.pk).update(**changes)
    return made


def segment(**changes: object) -> None:
    Segment.objects.filter(pk=Segment.objects.earliest("pk").pk).update(**changes)


def somebody_calls() -> None:
    event = Event.objects.create(
        visitor=VisitorFactory(), kind="user.identified", occurred_at=NOON, recorded_at=NOON, source="track", key="1"
    )
    PendingIdentity.objects.create(event=event, visitor=event.visitor)


def turn(mode: str = Backfill.Mode.ALL) -> None:
    backfill = Backfill.objects.create(sequence=nurture(), mode=mode, created_at=NOON)
    BackfillEntry.objects.create(backfill=backfill, lead=LeadFactory(), since=NOON, due_at=PAST)


def halt(kind: str) -> None:
    [message] = letters([LeadFactory()])
    Message.objects.filter(pk=message.pk).update(state="sent", settled_at=NOON, sent_at=NOON)
    ProviderEvent.objects.create(key="1", provider="esp", kind=kind, message_id=message.pk, at=PAST, processed_at=NOON)


def broadcast_halted() -> None:
    mail = EmailTemplate.objects.earliest("pk")
    Broadcast.objects.create(slug="news", name="News", template=mail).changes.create(action=guarding.HALTED, at=PAST)


def registrant(**changes: object) -> None:
    seat = attendees.seat(attendees.webinar())
    RegistrantSync.objects.create(registration=seat, **{"due_at": PAST, **changes})


def call(**changes: object) -> None:
    values = {"key": "1", "url": "http://127.0.0.1:9/", "body": {}, "created_at": NOON, "due_at": PAST, **changes}
    WebhookCall.objects.create(lead=LeadFactory(), **values)


def alert(**changes: object) -> None:
    told = {"kind": "hot", "headline": "Ada is hot", "to_email": "rep@example.com", "created_at": NOON}
    Alert.objects.create(lead=LeadFactory(), key="1", **{**told, "due_at": PAST, **changes})


def meeting() -> None:
    times = {"starts_at": LONG_AGO, "booked_at": LONG_AGO, "created_at": LONG_AGO}
    Meeting.objects.create(lead=LeadFactory(), provider="manual", reference="1", **times)


def inbox(**changes: object) -> None:
    values = {"provider": "nobody", "key": "1", "kind": "x", "body": b"{}", "received_at": NOON, **changes}
    InboxEvent.objects.create(**values)


def rehearsal(**changes: object) -> None:
    span = {"since": LONG_AGO, "until": NOON, "asked_at": NOON}
    RehearsalRun.objects.create(version=nurture().current_version, **span, **changes)


# By sweep, rows that are due, each of a kind of its own.
DUE: dict[ticks.Sweep, list[Callable[[], object]]] = {
    settling.expire: [lambda: mail(state="sending", lease_until=RUN_OUT)],
    settling.send_unknown_again: [
        lambda: mail(state="unknown", message_class="transactional", reason="?", settled_at=NOON - settling.GRACE)
    ],
    fading.drain: [lambda: lead(decay_due_at=NOON)],
    engagement.drain: [
        lambda: lead(tier_due_at=NOON),
        lambda: Workspace.objects.update(tier_engaged_days=20),
        lambda: Workspace.objects.update(tiers_built_to=0),
    ],
    meetings.sweep: [meeting],
    checking.go_on: [lambda: Workspace.objects.update(customers_checked_to=0)],
    attending.settle_due: [
        lambda: attendees.webinar(over_at=NOON - attending.GRACE),
        lambda: attendees.webinar(over_at=LONG_AGO, attendance_known_at=LONG_AGO - timedelta(hours=1)),
    ],
    segments.refresh_due: [
        lambda: SegmentDue.objects.create(segment=Segment.objects.earliest("pk"), lead=LeadFactory(), due_at=NOON),
        lambda: SegmentTally.objects.create(segment=Segment.objects.earliest("pk"), day=NOON.date(), came=1, went=0),
        lambda: segment(refreshed_at=None),
        lambda: segment(built_to=0, is_active=False),
        lambda: segment(refreshed_at=LONG_AGO),
    ],
    syncing.catch_up: [lambda: attendees.webinar(zoom_id="81234567890", starts_at=NOON)],
    inbound.sweep: [
        lambda: inbox(due_at=NOON),
        lambda: inbox(due_at=NOON + timedelta(hours=1), attempts=5, lease_until=RUN_OUT),
    ],
    identity.drain: [somebody_calls],
    pipeline.drain: [lambda: actions.record([NewEvent(LeadFactory().pk, "page.viewed")], now=NOON)],
    waiting.expire: [
        lambda: WaitingEntry.objects.create(
            lead=LeadFactory(), sequence=nurture(), since=LONG_AGO, until=NOON, reason="filter: no"
        )
    ],
    broadcasts.run_due: [
        lambda: Broadcast.objects.create(
            slug="news", name="News", status="scheduled", template=EmailTemplate.objects.earliest("pk")
        )
    ],
    moving.finish_all: [
        lambda: Sequence.objects.filter(pk=nurture().pk).update(
            moving={"to": nurture().current_version_id, "policy": "stay"}
        )
    ],
    launching.drain: [turn],
    runner.drain: [lambda: enrolled(nurture(), LeadFactory())],
    outbox.drain: [lambda: mail(due_at=NOON)],
    pausing.finish_drains: [lambda: Sequence.objects.filter(pk=nurture().pk).update(status="draining")],
    guarding.watch: [
        lambda: halt("bounced"),
        lambda: Sequence.objects.filter(pk=nurture().pk).update(
            canary_version=nurture().current_version, canary_percent=5
        ),
        lambda: nurture().changes.create(action=guarding.HALTED, at=PAST),
    ],
    watching.watch: [lambda: halt("complained"), broadcast_halted],
    alerting.send_alerts: [alert, lambda: alert(state="sending", due_at=NOON, lease_until=RUN_OUT)],
    webhooks.drain: [call, lambda: call(state="sending", lease_until=RUN_OUT)],
    registrants.drain: [registrant, lambda: registrant(state="sending", lease_until=RUN_OUT)],
    judging.judge_due: [
        lambda: Experiment.objects.create(sequence=nurture(), step_key="mail-1", goal="meeting.booked")
    ],
    rehearsals.run_due: [rehearsal, lambda: rehearsal(state="running", lease_until=RUN_OUT)],
}

# By task of beat, the sweep that it runs.
SWEPT = {
    "lifecycle.customers.tasks.go_on_checking": checking.go_on,
    "leads.tasks.identify": identity.drain,
    "lifecycle.integrations.tasks.sweep": inbound.sweep,
    "leads.tasks.process_pending": pipeline.drain,
    "campaigns.tasks.advance": runner.drain,
    "campaigns.tasks.send": outbox.drain,
    "campaigns.tasks.decide_waiting": waiting.expire,
    "campaigns.tasks.sweep_dates": dates.sweep,
    "campaigns.tasks.run_broadcasts": broadcasts.run_due,
    "campaigns.tasks.move_people": moving.finish_all,
    "campaigns.tasks.backfill": launching.drain,
    "campaigns.tasks.rehearse": rehearsals.run_due,
    "campaigns.tasks.watch_reports": guarding.watch,
    "campaigns.tasks.sweep_leases": settling.expire,
    "campaigns.tasks.call_webhooks": webhooks.drain,
    "campaigns.tasks.judge_experiments": judging.judge_due,
    "lifecycle.sales.tasks.close_meetings": meetings.sweep,
    "lifecycle.sales.tasks.send_alerts": alerting.send_alerts,
    "lifecycle.integrations.tasks.tell_zoom": registrants.drain,
    "lifecycle.integrations.tasks.catch_up_with_zoom": syncing.catch_up,
    "webinars.tasks.settle_attendance": attending.settle_due,
    "leads.tasks.refresh_segments": segments.refresh_due,
    "leads.tasks.decay": fading.drain,
    "leads.tasks.sweep_tiers": engagement.drain,
    "leads.tasks.sweep_stages": actions.sweep_stages,
}
# Jobs that the engine's tick leaves to beat: once an hour or a day, or files and company data, which no story needs.
BEAT_ALONE = {
    "lifecycle.tasks.heartbeat",
    "lifecycle.tasks.tidy",
    "leads.tasks.enrich_companies",
    "leads.tasks.import_people",
    "leads.tasks.forget_imports",
    "leads.tasks.verify_tiers",
    "leads.tasks.verify_scores",
    "lifecycle.customers.tasks.keep_standing",
    "lifecycle.api.tasks.forget_rejected_calls",
    "lifecycle.integrations.tasks.forget",
    "campaigns.tasks.forget_decisions",
}


def asked(world: World) -> int:
    """How many statements a run takes."""
    with count_queries() as found:
        world.run()
    return len(found)


@pytest.fixture
def idle(world: World) -> World:
    """A product in which nothing is left to do."""
    world.run()
    assert not any(world.run().values())
    assert ticks.among(ticks.known(), now=NOON) == frozenset()
    return world


def test_an_idle_tick_asks_seven_times(idle: World) -> None:
    """What is due at all; whose date came, by each date that sequences wait for; whom a stage rule moves; the tick."""
    assert asked(idle) == 7


def test_what_is_due_is_swept(idle: World) -> None:
    """Of each kind of due row one, by itself: the look sees it, and the engine does something about it."""
    nothing = asked(idle)
    passed_over = []
    for sweep, puts in DUE.items():
        for number, put in enumerate(puts, start=1):
            with transaction.atomic():
                put()
                if sweep not in ticks.among(ticks.known(), now=NOON) or asked(idle) <= nothing:
                    passed_over.append(f"{sweep.__module__}.{sweep.__name__}, row {number}")
                transaction.set_rollback(True)
    assert passed_over == []


def test_what_a_sweep_does_is_found_by_those_before_it(idle: World) -> None:
    """The look is made anew: a date that came becomes an event, the event a run, the run a mail, all in one tick."""
    made = LeadFactory(attributes={"renewal_date": (NOON + timedelta(days=30)).date().isoformat()}, is_client=True)
    counts = idle.run()
    assert counts["dates"] == 1
    assert Enrollment.objects.filter(lead=made).exists()
    assert not any(idle.run().values())


def test_every_sweep_that_says_when_is_tried_here() -> None:
    assert ticks.known() == DUE.keys()


def test_every_periodic_job_has_a_say() -> None:
    """A new job either runs a sweep of the engine, which is tried above or runs always, or is beat's alone."""
    assert {job.task for job in schedule.JOBS} == SWEPT.keys() | BEAT_ALONE
    assert not SWEPT.keys() & BEAT_ALONE
    assert set(SWEPT.values()) <= DUE.keys() | ALWAYS
