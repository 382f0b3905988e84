"""The promises P2 to P5 under any order of what can happen: a machine does things at random and looks after each.

People fill in forms, act, opt out and are erased; the clock runs; workers die at three points; providers report twice
and late; marketers edit, try versions, launch, broadcast, pause, freeze, resume. The promises hold after each of
these, and in the end nothing is open.
"""

from collections import Counter
from collections.abc import Sequence as Many
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from anymail.signals import AnymailTrackingEvent
from django.apps import apps
from django.db import connection, transaction
from django.db.models import AutoField, Count, F, Sum
from django.db.models.functions import Now
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from campaigns import actions, launching
from campaigns.broadcasts import control
from campaigns.consent import provider_events
from campaigns.consent.suppressing import suppress
from campaigns.editing import canary
from campaigns.exchange import import_sequence
from campaigns.models import (
    Backfill,
    Broadcast,
    Enrollment,
    Message,
    Sequence,
    SequenceVersion,
    Suppression,
    Topic,
)
from campaigns.sending import settling
from campaigns.sending.delivery.contract import Outcome, Outgoing, Receipt
from leads import actions as people_actions
from leads.batch import NewEvent
from leads.models import Event, Lead, PendingEvent
from lifecycle import engine
from tests.campaigns.broadcasting import broadcast
from tests.campaigns.sequences import content, template
from tests.copies import forget
from tests.factories import NOON, LeadFactory, ScoreRuleFactory
from tests.thorough import tries

pytestmark = pytest.mark.django_db

NAMES = ("ada", "ben")
names = st.sampled_from(NAMES)
DEAD = timedelta(minutes=6)
KINDS = ("pricing.viewed", "meeting.booked", "purchase.completed", "docs.downloaded")


class Killed(BaseException):
    """A worker dies: nothing after this line of it runs."""


class Provider:
    """A mail provider that remembers what it accepted, and may kill the worker that talks to it."""

    batch_size = 2

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.mails: dict[str, Outgoing] = {}
        self.forbidden: set[str] = set()
        self.broken: list[str] = []
        self.next = "ok"

    def deliver(self, batch: Many[Outgoing]) -> list[Receipt]:
        how, self.next = self.next, "ok"
        if how == "dies before":
            raise Killed
        if how == "refuses for now":
            return [
                Receipt(mail.message_id, Outcome.RETRY, "busy", retry_after=60, costs_attempt=False) for mail in batch
            ]
        receipts = []
        for mail in batch:
            self.accepted[mail.key] += 1
            self.mails[mail.key] = mail
            if mail.unsubscribe_url and mail.to_email in self.forbidden:
                self.broken.append(f"{mail.key} left for somebody who had opted out")
            outcome = Outcome.UNKNOWN if how == "hangs" else Outcome.SENT
            receipts.append(Receipt(mail.message_id, outcome, how, provider_id=f"p-{mail.key}"))
        if how == "dies after":
            raise Killed
        return receipts

    def close(self) -> None:
        pass


class Promises(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = transaction.atomic()
        self.scene.__enter__()
        count_from(5_000_000)
        self.now = NOON
        self.provider = Provider()
        self.told: set[str] = set()

    @initialize()
    def begin(self) -> None:
        topic = Topic.objects.get_or_create(slug="tips", defaults={"name": "Tips"})[0]
        ScoreRuleFactory(event_kind="pricing.viewed", points=10)
        for made in (nurture(topic.slug), orders()):
            import_sequence(yaml.safe_dump(made), now=NOON, publish=True)
        broadcast("news", test_percent=50, variants={"a": 1, "b": 1})
        for name in NAMES:
            LeadFactory(email=f"{name}@example.com", first_name=name.capitalize())

    def teardown(self) -> None:
        try:
            if Sequence.objects.exists():
                self.calm_down()
        finally:
            transaction.set_rollback(True)
            self.scene.__exit__(None, None, None)
            forget()

    # --- what people do

    def lead(self, name: str) -> Lead | None:
        return Lead.objects.filter(email_normal=f"{name}@example.com").first()

    @rule(name=names, number=st.integers(0, 3))
    def fill_in_the_form(self, name: str, number: int) -> None:
        """The same form twice (a double click, a retry) is one fact."""
        lead = self.lead(name) or LeadFactory(email=f"{name}@example.com", first_name=name.capitalize())
        self.tell(lead, "form.submitted", f"form:{lead.pk}:{number}")

    @rule(name=names, kind=st.sampled_from(KINDS), number=st.integers(0, 2), ago=st.integers(0, 90))
    def act(self, name: str, kind: str, number: int, ago: int) -> None:
        """Events come twice, late, and out of order."""
        lead = self.lead(name)
        if lead is not None:
            happened = self.now - timedelta(minutes=ago)
            self.tell(lead, kind, f"{kind}:{lead.pk}:{number}", at=happened, order=f"order-{number}")

    def tell(self, lead: Lead, kind: str, key: str, *, at: datetime | None = None, **properties: Any) -> None:
        event = NewEvent(lead.pk, kind, properties, occurred_at=at or self.now, source="test", key=key)
        for _ in range(2 if key in self.told else 1):
            people_actions.record([event], now=self.now)
        self.told.add(key)
        self.run()

    @rule(name=names)
    def unsubscribe(self, name: str) -> None:
        lead = self.lead(name)
        if lead is not None:
            suppress(lead.address_hash, scope="marketing", reason="unsubscribed", source="test", now=self.now)
            self.provider.forbidden.add(lead.email)

    @rule(name=names, really=st.sampled_from([True, False, False]))
    def erase(self, name: str, really: bool) -> None:
        lead = self.lead(name)
        if lead is not None and really:
            people_actions.erase(lead, now=self.now)

    # --- what time and machines do

    @rule(minutes=st.sampled_from([1, 20, 60, 60 * 24, 60 * 24 * 3]))
    def let_time_pass(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(how=st.sampled_from(["ok", "ok", "dies before", "dies after", "hangs", "refuses for now"]))
    def tick(self, how: str) -> None:
        self.provider.next = how
        self.run()

    def run(self) -> None:
        try:
            engine.run(self.provider, now=self.now)
        except Killed:
            # The lease of the dead worker runs out; the others go on.
            Message.objects.filter(state="sending").update(lease_until=Now() - DEAD)
            settling.expire(now=self.now)
        self.provider.next = "ok"

    @precondition(lambda self: self.provider.mails)
    @rule(data=st.data(), kind=st.sampled_from(["delivered", "bounced", "complained"]), times=st.integers(1, 2))
    def the_provider_reports(self, data: st.DataObject, kind: str, times: int) -> None:
        mail = self.provider.mails[data.draw(st.sampled_from(list(self.provider.mails)))]
        for _ in range(times):
            report = AnymailTrackingEvent(
                event_type=kind,
                timestamp=self.now,
                event_id=f"{kind}:{mail.key}",
                message_id=f"p-{mail.key}",
                recipient=mail.to_email,
                metadata={"message_key": mail.key},
            )
            provider_events.store_and_apply(report, provider="test", now=self.now)
        if kind != "delivered":
            self.provider.forbidden.add(mail.to_email)

    # --- what marketers do

    @rule(in_flight=st.sampled_from(["stay", "move", "exit"]))
    def publish_another_version(self, in_flight: str) -> None:
        sequence = Sequence.objects.get(slug="nurture")
        if sequence.canary_version_id is None:
            actions.publish(self.draft(sequence), in_flight=in_flight, now=self.now)

    @rule(how=st.sampled_from(["try", "promote", "back", "stay", "exit"]))
    def try_a_version_on_some(self, how: str) -> None:
        sequence = Sequence.objects.get(slug="nurture")
        if how == "try":
            if sequence.canary_version_id is None:
                canary.start_canary(self.draft(sequence), percent=50, now=self.now)
        elif sequence.canary_version_id is not None and how == "promote":
            canary.promote(sequence, in_flight="move", now=self.now)
        elif sequence.canary_version_id is not None:
            canary.withdraw(sequence, people=how, now=self.now)

    def draft(self, sequence: Sequence) -> SequenceVersion:
        draft = actions.new_draft(sequence)
        draft.steps.filter(key="pause").update(duration=timedelta(days=draft.number % 3 + 1))
        if draft.number % 4 == 0:
            draft.steps.filter(key="third").delete()
        return draft

    @rule(mode=st.sampled_from(["all", "elapsed"]), stops=st.booleans())
    def launch_for_those_who_match_already(self, mode: str, stops: bool) -> None:
        under_way = Backfill.objects.filter(stopped_at=None, entries__state="waiting").first()
        if under_way is not None:
            launching.stop(under_way, now=self.now)
        elif Sequence.objects.filter(slug="nurture", status="live").exists():
            launching.start(Sequence.objects.get(slug="nurture"), mode=mode, per_hour=1, now=self.now)

    @rule(how=st.sampled_from(["send", "send", "pause", "resume", "stop"]))
    def write_to_everybody(self, how: str) -> None:
        news = Broadcast.objects.get(slug="news")
        if how == "send":
            control.schedule(news, actor=None, now=self.now, at_once=True)
        else:
            getattr(control, how)(news, actor=None, now=self.now)

    @rule(
        slug=st.sampled_from(["nurture", "orders"]),
        how=st.sampled_from(["pause", "freeze", "shift", "recompute", "skip_late", "shift", "recompute"]),
    )
    def hold_or_let_go(self, slug: str, how: str) -> None:
        sequence = Sequence.objects.get(slug=slug)
        if how in ("pause", "freeze"):
            getattr(actions, how)(sequence, now=self.now)
        else:
            actions.resume(sequence, how=how, now=self.now)

    # --- what must hold, whatever happened

    @invariant()
    def p2_every_fact_is_there_once_and_the_score_is_its_ledger(self) -> None:
        twice = Event.objects.filter(source="test").values("key").annotate(n=Count("pk")).filter(n__gt=1)
        assert not twice.exists()
        runs = Enrollment.objects.filter(state="active").values("lead", "sequence", "key").annotate(n=Count("pk"))
        assert not runs.filter(n__gt=1).exists()
        for lead in Lead.objects.annotate(points=Sum("score_entries__points")):
            assert lead.score == (lead.points or 0)
        assert not Lead.objects.exclude(score=F("fit_score") + F("intent_score")).exists()

    @invariant()
    def p3_no_marketing_mail_is_accepted_twice(self) -> None:
        for key, times in self.provider.accepted.items():
            if self.provider.mails[key].unsubscribe_url:
                assert times == 1, key

    @invariant()
    def p4_what_is_said_to_be_sent_was_accepted_and_every_end_has_its_reason(self) -> None:
        for message in Message.objects.exclude(state__in=Message.OPEN):
            assert message.settled_at is not None
            if message.state == "sent":
                assert self.provider.accepted[message.key] >= 1, message.key
            else:
                assert message.reason, message.key
            if message.state in ("suppressed", "expired", "canceled"):
                assert not self.provider.accepted[message.key], (message.key, message.state, message.reason)

    @invariant()
    def p5_an_opt_out_holds_through_everything(self) -> None:
        assert self.provider.broken == []
        assert Suppression.objects.count() >= len(self.provider.forbidden)

    def calm_down(self) -> None:
        """Everything goes on for half a year: nothing is left waiting, and nobody was dropped in silence."""
        for sequence in Sequence.objects.all():
            actions.resume(sequence, how="recompute", now=self.now)
        control.resume(Broadcast.objects.get(slug="news"), actor=None, now=self.now)
        for _ in range(12):
            self.now += timedelta(days=15)
            self.run()
        assert not PendingEvent.objects.exists()
        assert not Message.objects.filter(state__in=Message.OPEN).exists()
        assert not Enrollment.objects.filter(state="active").exists()
        for message in Message.objects.filter(message_class="transactional", state="unknown"):
            raise AssertionError(f"{message.key} was left unknown")
        self.p2_every_fact_is_there_once_and_the_score_is_its_ledger()
        self.p3_no_marketing_mail_is_accepted_twice()
        self.p4_what_is_said_to_be_sent_was_accepted_and_every_end_has_its_reason()
        self.p5_an_opt_out_holds_through_everything()


def count_from(first: int) -> None:
    """Lots are drawn by ids, and a story that is told again must go the same way. Undone with the transaction."""
    forget()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if model._meta.app_label in ("leads", "campaigns", "sales") and isinstance(model._meta.pk, AutoField):
                cursor.execute(f'ALTER SEQUENCE "{model._meta.db_table}_id_seq" RESTART WITH {first}')


def nurture(topic: str) -> dict[str, Any]:
    """Marketing mail, with waits, a branch, a goal and re-entry."""
    return content(
        "nurture",
        entry={"triggers": [{"event": "form.submitted"}], "reentry": "after_exit"},
        exits=[{"goal": "meeting.booked"}],
        steps=[
            {"id": "hello", "send": "hello"},
            {"id": "pause", "wait": "1d"},
            {"id": "second", "send": "second"},
            {"id": "look", "wait": {"event": "docs.downloaded", "at_most": "2d"}},
            {"id": "third", "send": "third"},
        ],
        templates=[template(name, topic=topic) for name in ("hello", "second", "third")],
    )


def orders() -> dict[str, Any]:
    """Transactional mail, merged by order."""
    return content(
        "orders",
        entry={
            "triggers": [{"event": "purchase.completed"}],
            "key": "order",
            "reentry": "once_per_key",
            "second_trigger": "merge",
        },
        steps=[{"id": "thanks", "send": "thanks"}, {"id": "five", "wait": "5d"}, {"id": "more", "send": "more"}],
        templates=[template(name, **{"class": "transactional"}) for name in ("thanks", "more")],
    )


def test_the_promises_hold_in_any_order() -> None:
    run_state_machine_as_test(
        Promises,
        settings=settings(
            max_examples=tries(6, thoroughly=60),
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
