"""A small demo, lived through by the real engine at the real doors, keeps every promise of the product."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from django.db.models import Count, F, Q
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from campaigns.models import Enrollment, Hit, MailboxMail, Message, Suppression
from leads.audit import verify_scores
from leads.models import Conversion, Event, Lead, PendingEvent, Submission, Touch, Workspace
from leads.segments import building
from lifecycle.api.limited import COUNTER
from lifecycle.customers.models import Purchase, Subscription
from lifecycle.demo import company
from lifecycle.demo.doors import Doors
from lifecycle.demo.people import population
from lifecycle.demo.quarter import MAILBOX_DAYS, Quarter
from lifecycle.integrations.models import InboxEvent
from lifecycle.sales.models import Alert, Meeting
from tests.copies import copy, using
from tests.factories import NOON

LEADS, DAYS, HALF = 60, 30, 15
UNTIL = NOON + timedelta(days=DAYS)

pytestmark = [pytest.mark.usefixtures("lived"), pytest.mark.django_db]


@pytest.fixture(scope="module")
def lived(playbooks_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[list[dict[str, Any]]]:
    """This module's tests find a month of sixty people in their database. Before, its first half was told by itself:
    what both had come to by then."""
    found = []
    for name, days in ((f"{playbooks_database}_told_before", HALF), (f"{playbooks_database}_demo", DAYS)):
        with django_db_blocker.unblock():
            copy(playbooks_database, name)
        with using(name), django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(building, "SURE_EVERY", timedelta(days=1000))  # as in tests.cast
            found += live(days)
    with using(name):
        yield found


@override_settings(CALENDLY_WEBHOOK_SECRETS=["the-demo's"], STRIPE_WEBHOOK_SECRETS=["the-demo's"])
def live(days: int) -> list[dict[str, Any]]:
    """So many days of the story, and what it has come to in the middle."""
    COUNTER.clear()
    doors = Doors(company.found(now=NOON))
    found = []
    with closing(Quarter(doors, leads=LEADS, days=DAYS, seed=39, until=UNTIL).live()) as story:
        for progress in islice(story, days):
            if progress.day == HALF:
                found.append(counts())
    return found


def counts() -> dict[str, Any]:
    """What a second telling of the story must come to as well."""
    return {
        "events": Counter(Event.objects.values_list("kind", flat=True)),
        "mails": Counter(Message.objects.values_list("state", "sequence__slug", "step_key", "variant_key")),
        "hits": Counter(Hit.objects.values_list("kind", "verdict")),
        "runs": Counter(Enrollment.objects.values_list("sequence__slug", "state", "exit_reason")),
        "people": set(Lead.objects.values_list("email", "stage", "score", "temperature", "owner__username")),
        "alerts": Alert.objects.count(),
    }


def test_everybody_came_by_a_form_of_the_website() -> None:
    assert Lead.objects.count() == LEADS
    assert not Lead.objects.exclude(pk__in=Submission.objects.values("lead")).exists()
    assert Touch.objects.exclude(campaign="").exists()


def test_every_due_message_ended_in_one_state_with_a_reason() -> None:
    assert Message.objects.filter(state=Message.State.SENT).count() > LEADS
    assert not Message.objects.filter(state=Message.State.SENDING).exists()
    assert not Message.objects.filter(state=Message.State.READY, due_at__lte=UNTIL).exists()
    ended = Message.objects.exclude(state=Message.State.READY)
    assert not ended.filter(settled_at=None).exists()
    assert not ended.exclude(state=Message.State.SENT).filter(reason="").exists()


def test_nobody_was_mailed_after_an_opt_out_or_a_bounce() -> None:
    blocks = Suppression.objects.filter(scope__in=["marketing", "everything"])
    assert blocks.exists()
    for block in blocks:
        mails = Message.objects.filter(lead__address_hash=block.address_hash, message_class="marketing")
        assert not mails.filter(sent_at__gt=block.created_at).exists()


def test_every_score_is_the_sum_of_its_ledger() -> None:
    assert verify_scores() == []
    assert Lead.objects.filter(score__gt=0).exists()


def test_nobody_is_in_two_conversations() -> None:
    grouped = Enrollment.objects.filter(state=Enrollment.State.ACTIVE, sequence__group__isnull=False)
    assert grouped.exists()
    assert not grouped.values("lead", "sequence__group").annotate(runs=Count("pk")).filter(runs__gt=1).exists()


def test_what_came_of_it_is_shared_among_the_ways_people_came() -> None:
    assert set(Touch.objects.values_list("kind", flat=True)) >= {"visit", "click", "form"}
    assert set(Conversion.objects.values_list("kind", flat=True)) >= {"mql", "sql", "booking", "purchase"}
    firsts = Touch.objects.filter(pk__in=Lead.objects.values("original_touch"), kind="visit")
    assert firsts.exclude(source="direct").exists()


def test_meetings_and_payments_came_by_webhooks_and_none_of_them_is_stuck() -> None:
    assert Meeting.objects.filter(state="held").exists()
    assert Subscription.objects.filter(state="active").exists()
    assert Purchase.objects.exists()
    assert set(InboxEvent.objects.values_list("state", flat=True)) <= {"done", "ignored"}


def test_nothing_waits_to_be_processed() -> None:
    assert not PendingEvent.objects.exists()
    assert not Enrollment.objects.filter(state=Enrollment.State.ACTIVE, due_at__lte=UNTIL).exists()


def test_nobody_got_more_than_the_cap() -> None:
    workspace = Workspace.load()
    span = timedelta(days=workspace.cap_days)
    times: dict[int, list[datetime]] = {}
    sent = Message.objects.filter(message_class="marketing", sent_at__isnull=False).order_by("sent_at")
    for lead_id, at in sent.values_list("lead_id", "sent_at"):
        assert at is not None
        times.setdefault(lead_id, []).append(at)
        assert sum(1 for each in times[lead_id] if each > at - span) <= workspace.cap_messages


def test_people_read_and_machines_were_told_from_them() -> None:
    verdicts = Counter(Hit.objects.values_list("kind", "verdict"))
    assert all(verdicts[kind, who] for kind in ("click", "open") for who in ("human", "machine"))
    assert Event.objects.filter(kind="email.sent").count() == Message.objects.filter(state="sent").count()


def test_the_mailbox_keeps_the_last_days() -> None:
    kept = MailboxMail.objects.filter(message__isnull=False)
    assert kept.exists()
    assert not kept.filter(sent_at__lt=UNTIL - timedelta(days=MAILBOX_DAYS)).exists()


def test_first_looks_joined_the_people_they_were() -> None:
    looks = Event.objects.filter(source="track")
    assert looks.filter(lead__isnull=False).exists()
    assert not looks.filter(Q(lead__isnull=False) & ~Q(lead_id=F("visitor__lead_id"))).exists()


def test_the_same_seed_tells_the_same_story(lived: list[dict[str, Any]]) -> None:
    before, again = lived
    assert before == again
    assert sum(before["mails"].values()) > LEADS


def test_no_address_can_be_anybodys() -> None:
    """Companies have no top-level domain that exists, and Gmail takes no hyphens."""
    for person in population(400, seed=1, start=NOON, days=90):
        local, _, domain = person.email.partition("@")
        assert domain.endswith(".example") or (domain == "gmail.com" and "-" in local)
