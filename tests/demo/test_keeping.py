"""A demo keeps to itself: an invented company's mail never leaves, whatever the machine is set up for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from leads import pipeline
from leads.models import PendingEvent
from lifecycle import env
from lifecycle.core import clock
from tests.cast import ADA
from tests.factories import FormFactory

SET_UP = {
    "EMAIL_URL": "smtps://user:password@mail.example.com",
    "DATABASE_URL": "postgresql://user@db.example.com/production",
    "CELERY_BROKER_URL": "redis://redis.example.com/0",
    "STRIPE_API_KEY": "sk_live_1",
    "SANDBOX": "0",
}
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def is_kept_here(found: env.Environment) -> bool:
    outside = (found.database, found.broker_url, found.stripe_api_key)
    return found.demo and found.sandbox and found.mail == env.Mail() and not any(outside)


def test_a_demo_has_no_part_in_the_machines_database_broker_or_mail_server(tmp_path: Path) -> None:
    found = env.read({**SET_UP, "DEMO": "1"}, base_dir=tmp_path)
    assert is_kept_here(found)
    assert found.var_dir == tmp_path / "var" / "demo"


def test_a_demo_uses_no_provider_either(tmp_path: Path) -> None:
    given = {"EMAIL_PROVIDER": "postmark", "POSTMARK_SERVER_TOKEN": "secret", "DEMO": "1"}
    assert is_kept_here(env.read(given, base_dir=tmp_path))


def test_the_database_of_a_demo_stays_one_however_it_is_started(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "demo"
    folder.mkdir(parents=True)
    (folder / env.DEMO_MARK).touch()
    found = env.read({**SET_UP, "VAR_DIR": "var/demo"}, base_dir=tmp_path)
    assert is_kept_here(found)
    assert found.var_dir == folder


def test_everything_else_is_no_demo(tmp_path: Path) -> None:
    found = env.read(SET_UP, base_dir=tmp_path)
    assert not found.demo
    assert found.mail.transport == "smtp"


def test_the_clock_of_the_doors_can_be_set_in_a_sandbox(settings: Settings) -> None:
    settings.SANDBOX = True
    with clock.virtual(NEW_YEAR) as set_clock:
        assert clock.now() == NEW_YEAR
        set_clock(NEW_YEAR.replace(hour=9))
        assert clock.now().hour == 9
    assert abs(timezone.now() - clock.now()).total_seconds() < 60


def test_the_clock_of_the_doors_is_real_elsewhere(settings: Settings) -> None:
    settings.SANDBOX = False
    with pytest.raises(clock.RealTimeOnly), clock.virtual(NEW_YEAR):
        pass


@pytest.mark.django_db
def test_a_replay_may_leave_the_processing_to_the_next_batch(client: object) -> None:
    FormFactory()  # type: ignore[no-untyped-call]
    with pipeline.processed_later():
        answer = client.post("/api/v1/forms/contact/submissions", ADA, content_type="application/json")  # type: ignore[attr-defined]
    assert answer.status_code == 201
    assert PendingEvent.objects.count() == 1
    assert pipeline.process_pending(now=timezone.now()).events == 1
