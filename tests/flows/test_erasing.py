"""P8: erase removes the person everywhere, the suppression's hash aside; and what is kept can be read before."""

import json
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from campaigns.models import Message, Suppression
from leads import actions
from leads.models import Consent, Lead
from tests.cast import ADA, BEN, FIREFOX, World, links, one_click, path_of
from tests.staff import colleague

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

QUITH = {**ADA, "last_name": "Ashquith"}


def lived(world: World) -> Lead:
    """Ada has forms, touches, clicks, scores, alerts, runs and mails; and she opted out in the end."""
    ada = world.submit("contact", **QUITH, anonymous_id="ada-browser", utm_source="google", message="Ashquith here")
    world.run()
    world.later(hours=2)
    first = world.mails_to(ada)[0]
    world.follow(links(first)[0], **{"user-agent": FIREFOX})
    for _ in range(3):
        world.tell(ada, "pricing.viewed", who="ada@acme.com")
    world.run()
    world.browser.post(path_of(one_click(first)), {"List-Unsubscribe": "One-Click"})
    return ada


def places_of(*needles: str) -> list[str]:
    """table.column of every text, JSON or binary in the database in which one of the needles stands."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'bytea', 'ARRAY')"
        )
        for table, column in cursor.fetchall():
            text = (
                f"""encode("{column}"::bytea, 'escape')"""
                if column == "raw" and "mailbox" in table
                else f'"{column}"::text'
            )
            for needle in needles:
                cursor.execute(f'SELECT 1 FROM "{table}" WHERE {text} ILIKE %s LIMIT 1', [f"%{needle}%"])
                if cursor.fetchone():
                    found.append(f"{table}.{column}")
    return found


def test_p8_nothing_of_the_person_is_left_but_the_hash_that_blocks_the_address(world: World) -> None:
    ada, ben = lived(world), world.submit("contact", **BEN)
    hashed = ada.address_hash
    output = StringIO()
    call_command("erase_lead", " ADA@acme.com ", stdout=output)
    assert "Erased" in output.getvalue()
    assert places_of("ada@acme", "ashquith", "ada-browser") == []
    assert list(Lead.objects.all()) == [ben]
    assert Suppression.objects.get().address_hash == hashed
    assert not Consent.objects.filter(address_hash=hashed).exists()
    for model in apps.get_models():
        names = {field.name for field in model._meta.concrete_fields}
        if "lead" in names:
            assert not model._base_manager.filter(lead_id=ada.pk).exists(), model
    with pytest.raises(CommandError, match="nothing to erase"):
        call_command("erase_lead", ADA["email"])


def test_p5_who_comes_back_after_an_erasure_is_still_not_mailed(world: World) -> None:
    ada = lived(world)
    actions.erase(ada, now=world.now)
    again = world.submit("contact", **ADA)
    before = len(world.smtp.mails)
    world.at(days=7)
    assert again.pk != ada.pk
    assert len(world.smtp.mails) == before
    assert set(Message.objects.filter(lead=again).values_list("state", flat=True)) <= {"suppressed", "canceled"}


def test_everything_that_is_kept_can_be_read(world: World) -> None:
    lived(world)
    output = StringIO()
    call_command("export_lead", ADA["email"], stdout=output)
    kept: dict[str, Any] = json.loads(output.getvalue())
    assert kept["lead"]["email"] == ADA["email"]
    for table in (
        "touches",
        "events",
        "submissions",
        "consents",
        "enrollments",
        "messages",
        "hits",
        "alerts",
        "suppressions",
    ):
        assert kept[table], table
    assert "lease_token" not in kept["messages"][0]
    with pytest.raises(CommandError, match="no lead"):
        call_command("export_lead", "nobody@example.com")
    with pytest.raises(CommandError, match="whole e-mail"):
        call_command("export_lead", "nobody@")


def test_only_admins_may_erase_and_the_log_of_the_admin_forgets_the_name_too(world: World) -> None:
    ada = lived(world)
    boss, marketer = colleague("admin"), colleague("marketer")
    page = reverse("admin:leads_lead_change", args=[ada.pk])
    boss.post(page, {"first_name": "Ada", "last_name": "Ashberg", "_save": ""})
    erase = f"/admin/leads/lead/{ada.pk}/erase/"
    assert marketer.post(erase, {}).status_code == 403
    assert Lead.objects.filter(pk=ada.pk).exists()
    assert boss.post(erase, {"_form_submitted": "1"}).status_code in (200, 302)
    assert not Lead.objects.filter(pk=ada.pk).exists()
    assert places_of("ada@acme", "ashberg") == []
