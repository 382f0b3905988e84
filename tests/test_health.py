"""/healthz says that the process lives, /readyz that mail can flow, and why not."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from lifecycle import health

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def test_healthz_needs_no_database(client: Client) -> None:
    assert client.get("/healthz").status_code == 200


def test_healthz_refuses_posts(client: Client) -> None:
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db
def test_readyz_is_503_before_the_engine_ran(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["the engine has not run yet"]


@pytest.mark.django_db
def test_readyz_is_200_after_a_tick(client: Client) -> None:
    health.record_tick(timezone.now())
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["database"] is True


@pytest.mark.django_db
def test_a_late_tick_is_named_with_its_age() -> None:
    health.record_tick(NOON - timedelta(minutes=3))
    reasons, _ = health.problems(NOON)
    assert reasons == ["the engine last ran 180 s ago"]


@pytest.mark.django_db
def test_work_long_due_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    health.record_tick(NOON)
    monkeypatch.setitem(health.OLDEST_DUE, "message", lambda: NOON - timedelta(hours=1))
    reasons, figures = health.problems(NOON)
    assert reasons == ["the oldest message has been due for 3600 s"]
    assert figures["oldest_due_message_seconds"] == 3600
