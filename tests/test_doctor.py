"""manage.py doctor and the health page: what is wrong is said, with what to do; what is well is said shortly."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_celery_beat.models import PeriodicTask
from pytest_django import DjangoAssertNumQueries, Settings

from campaigns.models import Message, ProviderEvent
from campaigns.wellbeing import SILENCE
from leads.models import PendingEvent, Workspace
from lifecycle import doctor, health, schedule
from lifecycle.core import clock, wellbeing
from lifecycle.core.wellbeing import Finding, Level
from lifecycle.integrations.models import InboxEvent
from tests.cast import letters
from tests.factories import LeadFactory
from tests.staff import colleague

pytestmark = pytest.mark.django_db

LINKS = ("site", "booking", "docs", "pricing", "app")


@pytest.fixture
def running() -> None:
    """An installation that runs."""
    schedule.install()
    health.record_tick(clock.now())


def told(level: Level = Level.WARNING) -> str:
    """What the doctor says from this level on."""
    areas = doctor.examine(clock.now())
    return "\n".join(each.says for area in areas for each in area.findings if each.level >= level)


def examined() -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", stdout=out)
    except SystemExit as error:
        return int(error.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.usefixtures("running")
def test_an_installation_that_runs_is_well() -> None:
    code, text = examined()
    assert code == 0, text
    assert "The engine runs" in text
    assert "BAD" not in text


def test_an_engine_that_stands_still_is_a_problem_and_the_command_says_so_to_scripts() -> None:
    schedule.install()
    code, text = examined()
    assert code == 1
    assert "The engine has not run yet." in text
    assert "→ Start the product" in text


@pytest.mark.usefixtures("running")
def test_json_is_one_object() -> None:
    out = StringIO()
    call_command("doctor", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found["level"] in ("fine", "notice", "warning")
    assert {"area", "level", "says", "remedy"} == set(found["findings"][0])


@pytest.mark.usefixtures("running")
def test_dead_events_are_a_problem() -> None:
    lead = LeadFactory()
    event = lead.events.create(
        kind="pricing.viewed", source="test", key="1", occurred_at=clock.now(), recorded_at=clock.now()
    )
    PendingEvent.objects.create(event=event, lead=lead, attempts=5, dead_at=clock.now())
    assert "1 events failed five times" in told(Level.PROBLEM)


@pytest.mark.usefixtures("running")
def test_jobs_that_are_off_missing_or_late_are_said() -> None:
    PeriodicTask.objects.filter(name="Send mail").update(enabled=False)
    PeriodicTask.objects.filter(name="Advance sequences").delete()
    long_ago = datetime(2020, 1, 1, tzinfo=clock.now().tzinfo)
    PeriodicTask.objects.filter(name="Fade scores").update(last_run_at=long_ago)
    found = told()
    assert "switched off: Send mail." in found
    assert "missing: Advance sequences." in found
    assert "did not run when due: Fade scores." in found


@pytest.mark.usefixtures("running", "playbooks")
def test_a_provider_whose_reports_nobody_can_hear_is_a_problem(settings: Settings) -> None:
    settings.MAIL = {**settings.MAIL, "transport": "provider", "provider": "postmark"}
    settings.ANYMAIL = {}
    assert "Bounces and complaints of postmark are not heard" in told(Level.PROBLEM)
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:secret"}
    assert "postmark" not in told()


@pytest.mark.usefixtures("running", "playbooks")
def test_a_provider_that_fell_silent_is_said_until_it_speaks(settings: Settings) -> None:
    settings.MAIL = {**settings.MAIL, "transport": "provider", "provider": "postmark"}
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:secret"}
    earlier = clock.now() - 2 * SILENCE
    mails = letters(LeadFactory.create_batch(25))
    ids = [mail.pk for mail in mails]
    Message.objects.filter(pk__in=ids).update(state="sent", sent_at=earlier, settled_at=earlier)
    assert "postmark has reported nothing yet" in told()
    ProviderEvent.objects.create(key="1", provider="Postmark", kind="delivered", at=clock.now())
    assert "postmark" not in told()


@pytest.mark.usefixtures("running", "playbooks")
def test_a_provider_whose_reports_are_refused_is_a_problem_until_one_is_taken(
    client: Client, settings: Settings
) -> None:
    settings.MAIL = {**settings.MAIL, "transport": "provider", "provider": "postmark"}
    settings.ANYMAIL = {"WEBHOOK_SECRET": "hook:secret"}
    ProviderEvent.objects.create(key="0", provider="Amazon SES", kind="delivered", at=clock.now())
    for _ in range(2):
        client.post("/webhooks/email/postmark/tracking/", b"{}", content_type="application/json")
    client.post("/webhooks/email/brevo/tracking/", b"{}", content_type="application/json")
    found = told(Level.PROBLEM)
    assert "postmark: 2 reports were refused in the last 24 hours (bad_signature), and none was taken" in found
    assert "brevo" not in found
    ProviderEvent.objects.create(key="1", provider="Postmark", kind="delivered", at=clock.now())
    assert "postmark: 2 reports were refused" in told()
    assert "postmark" not in told(Level.PROBLEM)


@pytest.mark.usefixtures("running")
def test_an_example_company_is_said_before_its_address_goes_out(settings: Settings) -> None:
    assert "example company" in told(Level.NOTICE)
    assert "example company" not in told()
    settings.MAIL = {**settings.MAIL, "transport": "smtp"}
    assert "its name, postal address, website" in told()
    own = {"name": "Acme", "postal_address": "Acme, 5 Main Street, Berlin"}
    Workspace.objects.update(**own, **{f"{link}_url": f"https://{link}.acme.com" for link in LINKS})
    assert "example company" not in told(Level.NOTICE)


def test_reports_that_nobody_acted_on_are_said() -> None:
    ProviderEvent.objects.create(key="1", provider="Postmark", kind="bounced", at=clock.now() - timedelta(hours=2))
    assert "1 reports of the mail provider were stored and not acted on" in told()


@pytest.mark.usefixtures("running")
def test_a_stripe_that_cannot_be_asked_is_noticed(settings: Settings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_API_KEY = ["whsec_1"], ""
    assert "Stripe is heard but cannot be asked" in told(Level.NOTICE)
    settings.STRIPE_API_KEY = "rk_1"
    assert "cannot be asked" not in told(Level.NOTICE)


@pytest.mark.usefixtures("running")
def test_each_integration_is_told_from_outside_and_nobody_is_named(client: Client, settings: Settings) -> None:
    """What a colleague reads when a sender's calls are refused, dead, silent or never came; as page and as command."""
    names = ("CALENDLY", "STRIPE", "ZOOM")
    for name in names:
        setattr(settings, f"{name}_WEBHOOK_SECRETS", ["a"])
    now = clock.now()
    body = b'{"email": "ada@acme.com"}'
    common = {"body": body, "due_at": now, "error": "Traceback of ada@acme.com", "kind": "k"}
    InboxEvent.objects.bulk_create(
        InboxEvent(provider="calendly", key=f"{number}", received_at=at, state="done", closed_at=at, **common)
        for number in range(100)
        if (at := now - timedelta(days=6, hours=number))
    )
    InboxEvent.objects.create(
        provider="stripe", key="1", received_at=now, state="dead", closed_at=now, outcome="Given up", **common
    )
    client.post("/webhooks/zoom/", body, content_type="application/json")
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("doctor", "--json", stdout=out)
    found = [each for each in json.loads(out.getvalue())["findings"] if each["area"] == "Integrations"]
    words = "\n".join(f"{each['level']} {each['says']} {each['remedy']}" for each in found)
    assert "warning Calendly used to call regularly and fell silent" in words
    assert "problem Stripe: 1 events were given up, 1 of them in the last 24 hours. See History › Inbox" in words
    assert "problem Zoom: calls refused in the last 24 hours: 1 (no_signature)" in words
    page = colleague("admin").get("/admin/health/").content.decode()
    for text in (out.getvalue(), page):
        assert "ada@acme.com" not in text
        assert "fell silent" in text


@pytest.mark.usefixtures("running")
def test_a_check_that_fails_is_a_finding_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(now: datetime) -> list[Finding]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM nowhere")
        return []

    checks: dict[str, Callable[[datetime], object]] = {"broken": broken, **wellbeing.checks()}
    monkeypatch.setattr(wellbeing, "_checks", checks)
    found = told(Level.FINE)
    assert "The check “broken” itself failed" in found
    assert "secret" not in found
    assert "No event failed." in found


@pytest.mark.usefixtures("running")
def test_the_page_shows_the_same_to_those_who_run_the_product() -> None:
    for role, status in (("marketer", 200), ("admin", 200), ("sales", 302)):
        answer = colleague(role).get("/admin/health/")
        assert answer.status_code == status, role
        if status == 200:
            assert "No event failed." in answer.content.decode()


@pytest.mark.usefixtures("running")
def test_looking_costs_the_same_whatever_there_is(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(72):
        doctor.examine(clock.now())
