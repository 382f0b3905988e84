"""A web process answers first and reacts then, in a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest
from django.db import connection

from leads import pipeline, reacting
from leads.actions import FormPost, capture
from leads.models import Lead, PendingEvent
from tests.factories import FormFactory, StageRuleFactory

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        threading.Event().wait(0.01)
    return holds()


def test_one_thread_takes_what_came_meanwhile_together() -> None:
    go, batches = threading.Event(), []

    def react(lead_ids: Sequence[int], now: datetime) -> None:
        batches.append(list(lead_ids))
        go.wait(5)

    reactor = reacting.Reactor(react)
    reactor.hint(1, now=NOW)
    assert within(5, lambda: batches == [[1]])
    for lead_id in (2, 3, 2):
        reactor.hint(lead_id, now=NOW)
    go.set()
    assert within(5, lambda: batches == [[1], [2, 3]])


def test_a_flood_gathers_between_batches() -> None:
    go, breathed, batches = threading.Event(), threading.Event(), []

    def react(lead_ids: Sequence[int], now: datetime) -> None:
        batches.append(list(lead_ids))
        go.wait(5)

    reactor = reacting.Reactor(react, breathe=lambda: breathed.wait(5))
    for lead_id in (1, 2, 3):
        reactor.hint(lead_id, now=NOW)
        assert within(5, lambda: bool(batches))
    go.set()
    assert within(5, lambda: batches == [[1], [2, 3]])
    for lead_id in (4, 5):
        reactor.hint(lead_id, now=NOW)
    assert not within(0.05, lambda: len(batches) > 2)
    breathed.set()
    assert within(5, lambda: batches == [[1], [2, 3], [4, 5]])


def test_a_failure_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def react(lead_ids: Sequence[int], now: datetime) -> None:
        seen.extend(lead_ids)
        if lead_ids == [1]:
            raise RuntimeError("ada@example.com")

    reactor = reacting.Reactor(react)
    reactor.hint(1, now=NOW)
    assert within(5, lambda: seen == [1])
    reactor.hint(2, now=NOW)
    assert within(5, lambda: seen == [1, 2])
    assert "could not be processed at once" in caplog.text
    assert "ada@example.com" not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_form_is_answered_when_it_is_committed_and_has_its_effect_right_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    FormFactory(slug="contact")
    StageRuleFactory(to="mql", from_stages=["cold"], event_kind="form.submitted", reason="Sent a form")
    go = threading.Event()
    closed = threading.Event()

    def react(lead_ids: Sequence[int], now: datetime) -> None:
        go.wait(5)
        try:
            pipeline.process_pending(lead_ids=lead_ids, limit=len(lead_ids), wait=False, now=now)
        finally:
            connection.close()  # this thread's own
            closed.set()

    monkeypatch.setattr(reacting, "_reactor", reacting.Reactor(react))
    captured = capture(FormPost("contact", {"email": "ada@example.com"}), now=NOW)
    assert PendingEvent.objects.filter(lead=captured.lead_id).exists()
    assert Lead.objects.get().stage == "cold"
    go.set()
    assert closed.wait(10)
    assert not PendingEvent.objects.exists()
    assert Lead.objects.get().stage == "mql"


@pytest.mark.django_db
def test_a_replay_of_many_acts_hints_at_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[int] = []
    reactor = reacting.Reactor(lambda lead_ids, now: hints.extend(lead_ids))
    monkeypatch.setattr(reacting, "_reactor", reactor)
    with pipeline.processed_later():
        reacting.react(1, now=NOW)
    reacting.react(2, now=NOW)
    assert within(5, lambda: hints == [2])
