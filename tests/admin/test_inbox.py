"""The inbox and webhook sources in the admin: what colleagues see, mend and set up."""

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from leads.models import Event, Lead
from lifecycle.core import clock, sealing, sql
from lifecycle.integrations import inbound
from lifecycle.integrations.models import InboxEvent, WebhookRule, WebhookSource
from lifecycle.integrations.webhook import secrets
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
BODY = {
    "type": "user.upgraded",
    "data": {"email": "ada@acme.com", "plan": "Pro", "cancel_url": "https://secret.example"},
}


def source(**more: Any) -> WebhookSource:
    made = WebhookSource(slug="shop", name="The shop", created_at=NOON, **more)
    secrets.give(made)
    made.save()
    return made


def rule(shop: WebhookSource, **more: Any) -> WebhookRule:
    given = {"kind": "user.upgraded", "event_kind": "plan.upgraded", "email_path": "data.email", **more}
    return WebhookRule.objects.create(source=shop, **given)


def told(state: str = "waiting", body: bytes = b"", **more: Any) -> InboxEvent:
    closed = NOON if state in ("done", "ignored", "dead") else None
    given = {"provider": "webhook:shop", "key": f"k{InboxEvent.objects.count()}", "kind": "user.upgraded", **more}
    text = body or json.dumps(BODY).encode()
    return InboxEvent.objects.create(body=text, received_at=NOON, due_at=NOON, state=state, closed_at=closed, **given)


def text_of(page: Any) -> str:
    return re.sub(r"\s+", " ", page.content.decode())


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:integrations_{name}", args=args)


def test_a_body_is_shown_without_what_lets_one_act(client: Client) -> None:
    row = told("dead", error="ValueError: no", attempts=5)
    seen = text_of(staff.colleague("marketer").get(page("inboxevent_change", row.pk)))
    assert "ada@acme.com" in seen
    assert "secret.example" not in seen
    assert "••••••" in seen
    assert "ValueError: no" in seen


def test_bytes_that_are_no_json_are_shown_as_they_are() -> None:
    row = told(body=b"\xff<b>\x00")
    assert staff.colleague("marketer").get(page("inboxevent_change", row.pk)).status_code == 200


def test_a_person_is_found_by_their_address() -> None:
    lead = LeadFactory(email="ada@acme.com", email_normal="ada@acme.com")
    told("done", address_hash=lead.address_hash, kind="her.event")
    told("done", named=[lead.address_hash], kind="names.her")
    told("done", kind="other.event")
    seen = text_of(staff.colleague("marketer").get(page("inboxevent_changelist"), {"q": "Ada@acme.com"}))
    assert "her.event" in seen
    assert "names.her" in seen
    assert "other.event" not in seen


def test_what_was_given_up_is_replayed(client: Client) -> None:
    rule(source())
    row = told("dead", attempts=5, error="a bug that is mended")
    staff.colleague("marketer").post(
        page("inboxevent_changelist"), {"action": "replay", "_selected_action": [row.pk]}, follow=True
    )
    inbound.sweep(now=clock.now())
    row.refresh_from_db()
    assert (row.state, row.outcome, row.error, row.attempts) == ("done", "plan.upgraded", "", 1)
    assert Event.objects.filter(kind="plan.upgraded").count() == 1


def test_what_was_done_is_not_done_twice_by_a_replay() -> None:
    rule(source())
    row = told()
    inbound.sweep(now=clock.now())
    staff.colleague("marketer").post(page("inboxevent_changelist"), {"action": "replay", "_selected_action": [row.pk]})
    inbound.sweep(now=clock.now())
    row.refresh_from_db()
    assert (row.state, row.outcome) == ("done", "plan.upgraded (told before)")
    assert Event.objects.filter(kind="plan.upgraded").count() == 1


def test_what_is_to_be_left_alone_is(client: Client) -> None:
    rows = [told(state) for state in ("waiting", "parked", "dead", "done")]
    staff.colleague("marketer").post(
        page("inboxevent_changelist"), {"action": "leave_alone", "_selected_action": [row.pk for row in rows]}
    )
    assert list(InboxEvent.objects.order_by("pk").values_list("state", flat=True)) == ["ignored"] * 3 + ["done"]
    assert inbound.sweep(now=clock.now()) == 0


def test_an_emptied_body_cannot_be_replayed() -> None:
    row = told("done")
    InboxEvent.objects.update(body=b"")
    answer = staff.colleague("marketer").post(
        page("inboxevent_changelist"), {"action": "replay", "_selected_action": [row.pk]}, follow=True
    )
    assert "whose body was emptied" in text_of(answer)
    row.refresh_from_db()
    assert row.state == "done"


@pytest.mark.parametrize(("role", "may"), [("marketer", True), ("admin", True), ("sales", False)])
def test_who_may_replay(role: str, may: bool) -> None:
    row = told("dead")
    client = staff.colleague(role)
    client.post(page("inboxevent_changelist"), {"action": "replay", "_selected_action": [row.pk]})
    client.post(page("inboxevent_replay_one", row.pk), {"_form_submitted": "on"}, headers={"hx-request": "true"})
    row.refresh_from_db()
    assert (row.state == "waiting") is may


NEW = {
    "name": "The shop",
    "slug": "shop",
    "kind_path": "type",
    "given_secret": "",
    "is_active": "on",
    "rules-TOTAL_FORMS": "1",
    "rules-INITIAL_FORMS": "0",
    "rules-0-kind": "user.upgraded",
    "rules-0-event_kind": "plan.upgraded",
    "rules-0-email_path": "data.email",
    "rules-0-properties": '{"plan": "data.plan"}',
    "rules-0-fields_": '{"first_name": "data.name"}',
    "rules-0-creates_leads": "on",
    "rules-0-is_active": "on",
}


def test_a_source_is_made_with_a_secret_that_is_shown_once() -> None:
    client = staff.colleague("admin")
    answer = client.post(page("webhooksource_add"), NEW)
    shop = WebhookSource.objects.get()
    secret = sealing.unseal(shop.secret) or ""
    assert secret.startswith("whsec_")
    assert secret in answer.content.decode()
    assert "/webhooks/in/shop/" in answer.content.decode()
    assert "no-store" in answer["cache-control"]
    assert shop.rules.values_list("properties", "fields").get() == ({"plan": "data.plan"}, {"first_name": "data.name"})
    assert secret not in text_of(client.get(page("webhooksource_change", shop.pk)))


def test_the_other_sides_own_secret_is_taken() -> None:
    given = secrets.make()
    staff.colleague("admin").post(page("webhooksource_add"), {**NEW, "given_secret": given})
    assert sealing.unseal(WebhookSource.objects.get().secret) == given


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"given_secret": "hello"}, "A secret begins with whsec_."),
        ({"kind_path": "a..b"}, "There is no name before character 3"),
        ({"rules-0-email_path": "data..email"}, "There is no name before character 6"),
        ({"rules-0-event_kind": "stage.changed"}, "is ours to write"),
        ({"rules-0-fields_": '{"score": "a"}'}, "cannot be written"),
        ({"rules-0-properties": '{"plan": '}, "Not JSON at line 1"),
        ({"rules-0-properties": '["plan"]'}, "Write names and where they are"),
    ],
)
def test_a_mistake_is_said_at_its_place(changed: dict[str, str], says: str) -> None:
    answer = staff.colleague("admin").post(page("webhooksource_add"), {**NEW, **changed})
    assert answer.status_code == 200
    assert says in text_of(answer)
    assert not WebhookSource.objects.exists()


def test_a_secret_is_changed_and_the_former_one_ended() -> None:
    shop, client = source(), staff.colleague("admin")
    before = sealing.unseal(shop.secret)
    asked = client.get(page("webhooksource_change_secret", shop.pk))
    assert sealing.unseal(WebhookSource.objects.get().secret) == before  # looking changes nothing
    assert asked.status_code == 200
    answer = client.post(page("webhooksource_change_secret", shop.pk), {"given_secret": ""})
    shop.refresh_from_db()
    assert sealing.unseal(shop.former_secret) == before
    assert (sealing.unseal(shop.secret) or "?") in answer.content.decode()
    client.post(page("webhooksource_end_change", shop.pk), {"_form_submitted": "on"}, headers={"hx-request": "true"})
    shop.refresh_from_db()
    assert shop.former_secret == ""


def test_marketers_look_at_sources_and_do_not_change_them() -> None:
    shop, client = source(), staff.colleague("marketer")
    before = shop.secret
    assert client.get(page("webhooksource_change", shop.pk)).status_code == 200
    assert client.post(page("webhooksource_change_secret", shop.pk), {"given_secret": ""}).status_code == 403
    shop.refresh_from_db()
    assert shop.secret == before


def test_a_body_is_tried_without_leaving_anything() -> None:
    shop = source()
    rule(shop, properties={"plan": "data.plan", "seats": "data.seats"}, fields={"first_name": "data.plan"})
    seen = text_of(staff.colleague("marketer").post(page("webhooksource_try_it", shop.pk), {"body": json.dumps(BODY)}))
    assert "user.upgraded → plan.upgraded" in seen
    assert "ada@acme.com is new and becomes a lead." in seen
    assert "data.seats: “data” has no “seats”; there is email, plan, cancel_url." in seen
    assert "Field of the lead first_name" in seen
    assert not Lead.objects.exists()
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"type": ', "The body is not JSON"),
        ('{"kind": 1}', "The kind is looked for at “type”, but the body has no “type”; there is kind."),
        ('{"type": {}}', "What stands at “type” is no name of a kind."),
        ('{"type": "user.left"}', "No rule is for “user.left”"),
    ],
)
def test_a_body_that_fits_nothing_says_why(body: str, says: str) -> None:
    shop = source()
    rule(shop)
    answer = staff.colleague("marketer").post(page("webhooksource_try_it", shop.pk), {"body": body})
    assert says in text_of(answer)


def test_the_list_of_sources_takes_the_same_queries_for_many(django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        made = WebhookSource.objects.create(slug=f"s{number}", name=f"S{number}", secret="x", created_at=NOON)
        rule(made)
        told("done", provider=f"webhook:s{number}")
    client = staff.colleague("admin")
    client.get(page("webhooksource_changelist"))
    with django_assert_max_num_queries(12):
        client.get(page("webhooksource_changelist"))
    with django_assert_max_num_queries(14):
        client.get(page("inboxevent_changelist"))


def test_the_leads_page_has_what_was_told(client: Client) -> None:
    lead = LeadFactory()
    told("done", lead=lead, outcome="it did that")
    assert "it did that" in text_of(staff.colleague("boss").get(reverse("admin:leads_lead_change", args=[lead.pk])))


@pytest.fixture
def many() -> None:
    """Five thousand, of ten senders, of which a handful did not come to an end."""
    sql.execute(
        """
        INSERT INTO integrations_inboxevent
            (provider, key, kind, body, received_at, due_at, state, closed_at, named, address_hash)
        SELECT 'webhook:s' || mod(n, 10), 'k' || n, 'kind.' || mod(n, 50), '{}', %b - n * '1 hour'::interval, %b,
               CASE WHEN mod(n, 1000) = 0 THEN 'dead' ELSE 'done' END, %b, ARRAY['h' || n], 'h' || n
        FROM generate_series(1, 5000) n
        """,
        [NOON, NOON, NOON],
    )
    sql.execute("ANALYZE integrations_inboxevent")


# The theme's filter of days makes times without a zone, which Django takes for ours.
DAY = ("received_at_from_0", "received_at_from_1", "received_at_to_0", "received_at_to_1")


@pytest.mark.parametrize(
    ("asked", "finds"),
    [
        ({"q": "k77"}, "k77"),
        ({"q": "kind.7"}, "k4957"),
        ({"q": "ada@acme.com"}, ""),
        ({"state__exact": "dead"}, "k1000"),
        ({"sender": "webhook:s3"}, "k4993"),
        ({"of_kind": "kind.7"}, "k4957"),
        (dict(zip(DAY, ("2026-03-01", "00:00:00", "2026-03-02", "00:00:00"), strict=True)), "k36"),
    ],
)
@pytest.mark.filterwarnings("ignore:DateTimeField InboxEvent.received_at received a naive datetime:RuntimeWarning")
def test_what_is_looked_for_among_many_is_found_by_an_index(many: None, asked: dict[str, str], finds: str) -> None:
    for number in range(10):
        shop = WebhookSource.objects.create(slug=f"s{number}", name=f"S{number}", secret="x", created_at=NOON)
        rule(shop, kind=f"kind.{number}")
    with CaptureQueriesContext(connection) as asked_for:
        answer = staff.colleague("marketer").get(page("inboxevent_changelist"), asked)
    rows = list(answer.context_data["cl"].result_list)
    assert not finds or finds in {row.key for row in rows}
    assert len(rows) < 5_000
    told_of = [query["sql"] for query in asked_for if 'FROM "integrations_inboxevent"' in query["sql"]]
    assert told_of
    with connection.cursor() as cursor:
        for statement in told_of:
            cursor.execute(f"EXPLAIN {statement.replace('%', '%%')}", ())
            assert "Seq Scan on integrations_inboxevent" not in "\n".join(row[0] for row in cursor), statement


def test_what_did_not_come_to_its_end_stands_above_the_list(many: None) -> None:
    told("parked", waits_for="met:1")
    seen = text_of(staff.colleague("marketer").get(page("inboxevent_changelist")))
    assert re.search(r'href="\?state__exact=dead">\s*5 given up', seen)
    assert re.search(r'href="\?state__exact=parked">\s*1 parked', seen)


def test_all_that_a_filter_finds_is_replayed_at_once() -> None:
    rule(source())
    rows = [told("dead", attempts=5) for _ in range(60)]
    done = told("done")
    client = staff.colleague("marketer")
    chosen = {"action": "replay", "_selected_action": [rows[0].pk], "select_across": "1"}
    with CaptureQueriesContext(connection) as asked_for:
        answer = client.post(f"{page('inboxevent_changelist')}?state__exact=dead", chosen, follow=True)
    assert sum("UPDATE integrations_inboxevent" in query["sql"] for query in asked_for) == 1
    assert "60 of 60 will be carried out again" in text_of(answer)
    assert InboxEvent.objects.filter(state="waiting", attempts=0).count() == 60
    done.refresh_from_db()
    assert done.state == "done"
