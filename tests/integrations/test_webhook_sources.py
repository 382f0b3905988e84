"""Any system's signed webhooks, by rules: from the other side's own signing library to a lead's event."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
import time_machine
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from leads.models import Consent, Event, Lead, Touch
from lifecycle.core import sealing
from lifecycle.integrations.models import InboxEvent, RefusedCall, WebhookRule, WebhookSource
from lifecycle.integrations.webhook import meaning, secrets
from tests.factories import NOON, LeadFactory
from tests.integrations.senders import send

pytestmark = pytest.mark.django_db
BODY = {
    "type": "user.upgraded",
    "at": "2026-03-02T11:59:00Z",
    "data": {
        "user": {"email": "Ada@Acme.com", "given_name": "Ada", "company": "Acme"},
        "plan": {"name": "Pro", "seats": 5},
    },
}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


class Shop:
    """The other side, with its signing library."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.source = WebhookSource(slug="shop", name="The shop", created_at=NOON)
        self.secret = secrets.give(self.source)
        self.source.save()

    def rule(self, **more: Any) -> WebhookRule:
        given = {
            "kind": "user.upgraded",
            "event_kind": "plan.upgraded",
            "email_path": "data.user.email",
            "properties": {"plan": "data.plan.name", "seats": "data.plan.seats"},
            "fields": {"first_name": "data.user.given_name", "company": "data.user.company"},
            **more,
        }
        return WebhookRule.objects.create(source=self.source, **given)

    def tell(self, body: Any = BODY, *, key: str = "msg_1", at: datetime = NOON, secret: str = "") -> Any:
        text = json.dumps(body)
        signer = standardwebhooks.Webhook(secret or self.secret)
        headers = {
            "webhook-id": key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signer.sign(key, at.astimezone(UTC), text),
        }
        return send(self.client, "/webhooks/in/shop/", text.encode(), headers)


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client)


def test_a_rule_makes_an_event_of_a_person(shop: Shop) -> None:
    shop.rule(occurred_at_path="at")
    answer = shop.tell()
    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    lead = Lead.objects.get()
    assert (lead.email, lead.email_normal, lead.first_name) == ("Ada@Acme.com", "ada@acme.com", "Ada")
    assert (lead.company_name, lead.form_source, lead.owner) == ("Acme", "", None)
    event = Event.objects.get(kind="plan.upgraded")
    assert (event.lead, event.source, event.properties) == (lead, "webhook:shop", {"plan": "Pro", "seats": 5})
    assert event.occurred_at == NOON - timedelta(minutes=1)
    assert not Consent.objects.exists()
    row = InboxEvent.objects.get()
    assert (row.provider, row.key, row.kind) == ("webhook:shop", "msg_1", "user.upgraded")
    assert (row.state, row.outcome, row.lead) == ("done", "plan.upgraded", lead)


def test_what_is_known_of_a_person_stays(shop: Shop) -> None:
    shop.rule()
    known = LeadFactory(email="ada@acme.com", email_normal="ada@acme.com", first_name="Augusta", last_name="")
    touches = Touch.objects.filter(lead=known).count()
    shop.tell()
    known.refresh_from_db()
    assert known.first_name == "Augusta"
    assert Touch.objects.filter(lead=known).count() == touches


def test_the_same_id_twice_is_one_event(shop: Shop) -> None:
    shop.rule()
    assert [shop.tell().json()["status"] for _ in range(2)] == ["stored", "duplicate"]
    assert Event.objects.filter(kind="plan.upgraded").count() == 1


def test_a_fact_with_a_name_of_its_own_is_one_event_under_any_id(shop: Shop) -> None:
    shop.rule(key_path="data.plan.name")
    shop.tell(key="msg_1")
    shop.tell(key="msg_2")
    assert Event.objects.filter(kind="plan.upgraded").count() == 1
    assert InboxEvent.objects.order_by("id").last().outcome == "plan.upgraded (told before)"  # type: ignore[union-attr]


def test_a_kind_without_a_rule_is_kept_and_does_nothing(shop: Shop) -> None:
    answer = shop.tell()
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored"})
    assert shop.tell({"hello": 1}, key="msg_2").json() == {"status": "ignored"}
    assert list(InboxEvent.objects.order_by("id").values_list("kind", "state")) == [
        ("user.upgraded", "ignored"),
        ("(unnamed)", "ignored"),
    ]
    assert not Lead.objects.exists()


def test_people_whom_we_do_not_know_are_left_alone_where_the_rule_says_so(shop: Shop) -> None:
    shop.rule(creates_leads=False)
    shop.tell()
    row = InboxEvent.objects.get()
    assert (row.state, row.outcome) == (
        "ignored",
        "ignored: nobody has that address, and the rule makes no new people",
    )
    LeadFactory(email="ada@acme.com", email_normal="ada@acme.com")
    shop.tell(key="msg_2")
    assert Event.objects.filter(kind="plan.upgraded").count() == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"type": "user.upgraded", "data": {}}, "data.user.email: “data” has no “user”."),
        ({"type": "user.upgraded", "data": {"user": {"email": "nobody"}}}, "Write a whole e-mail address"),
        ({"type": "user.upgraded", "data": {"user": {"email": 5}}}, "Write an e-mail address"),
    ],
)
def test_a_body_without_a_person_says_why_nothing_happened(shop: Shop, body: Any, says: str) -> None:
    shop.rule()
    assert shop.tell(body).status_code == 200
    row = InboxEvent.objects.get()
    assert row.state == "ignored"
    assert says in row.outcome


def test_what_is_missing_is_left_out_and_said(shop: Shop) -> None:
    shop.rule(properties={"plan": "data.plan.title", "all": "data.plan"}, fields={"timezone": "data.plan.name"})
    shop.tell()
    assert InboxEvent.objects.get().outcome == (
        "plan.upgraded; left out: fields.timezone, properties.all, properties.plan"
    )


def test_both_secrets_are_valid_while_one_is_changed(shop: Shop) -> None:
    shop.rule()
    before = shop.secret
    after = secrets.give(shop.source)
    shop.source.save()
    assert shop.tell(key="a", secret=before).status_code == 200
    assert shop.tell(key="b", secret=after).status_code == 200
    assert secrets.forget_former(shop.source)
    assert shop.tell(key="c", secret=before).status_code == 401
    assert shop.tell(key="d", secret=after).status_code == 200


def test_several_signatures_in_one_header(shop: Shop) -> None:
    text = json.dumps(BODY)
    ours = standardwebhooks.Webhook(shop.secret).sign("k", NOON, text)
    theirs = standardwebhooks.Webhook(secrets.make()).sign("k", NOON, text)
    for header, status in [(f"{theirs} v2,xx {ours}", 200), (f"{theirs} v1a,xx", 401), ("nonsense", 401)]:
        headers = {"webhook-id": "k", "webhook-timestamp": str(int(NOON.timestamp())), "webhook-signature": header}
        assert send(shop.client, "/webhooks/in/shop/", text.encode(), headers).status_code == status


def test_the_headers_of_svix_are_read_as_well(shop: Shop) -> None:
    text = json.dumps(BODY)
    signed = svix.webhooks.Webhook(shop.secret).sign("k", NOON, text)
    headers = {"svix-id": "k", "svix-timestamp": str(int(NOON.timestamp())), "svix-signature": signed}
    assert send(shop.client, "/webhooks/in/shop/", text.encode(), headers).status_code == 200


def test_a_source_that_is_off_takes_nothing(shop: Shop) -> None:
    WebhookSource.objects.update(is_active=False)
    answer = shop.tell()
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "inactive")
    assert RefusedCall.objects.get().code == "inactive"
    assert not InboxEvent.objects.exists()


def test_a_secret_is_sealed_at_rest(shop: Shop) -> None:
    shop.source.refresh_from_db()
    assert shop.secret not in shop.source.secret
    assert sealing.unseal(shop.source.secret) == shop.secret


def test_a_secret_whose_key_is_gone_closes_the_door(shop: Shop, settings: Any) -> None:
    settings.SECRET_KEY = "another-key"
    answer = shop.tell()
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no_secret")
    settings.SECRET_KEY_FALLBACKS = ["a-key-for-tests-only-" + "0123456789abcdef" * 3]
    assert shop.tell().status_code == 200


@pytest.mark.parametrize(
    ("given", "column", "says"),
    [
        ({"email_path": "data..email"}, "email_path", "no name before character 6"),
        ({"event_kind": "stage.changed"}, "event_kind", "is ours to write"),
        ({"event_kind": "email.clicked"}, "event_kind", "is ours to write"),
        ({"event_kind": "Upgraded"}, "event_kind", "dotted past-tense name"),
        ({"fields": {"score": "a"}}, "fields", "“score” cannot be written"),
        ({"fields": {"is_client": "a"}}, "fields", "cannot be written"),
        ({"fields": {"first_name": 3}}, "fields", "as a text"),
        ({"properties": ["plan"]}, "properties", "names and where they are"),
        ({"properties": {"plan": "a..b"}}, "properties", "“plan”: There is no name"),
        ({"properties": {"": "a"}}, "properties", "a name has 1 to 60"),
    ],
)
def test_a_rule_that_could_not_work_is_refused_at_its_place(given: dict[str, Any], column: str, says: str) -> None:
    rule = WebhookRule(**{"kind": "a", "event_kind": "plan.upgraded", "email_path": "email", **given})
    problems = meaning.check(rule)
    assert list(problems) == [column]
    assert says in problems[column][0]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=10,
    )
)
def test_no_body_breaks_a_rule(value: Any) -> None:
    rule = WebhookRule(
        event_kind="a.b",
        email_path="a",
        occurred_at_path="b",
        key_path="c",
        properties={"x": "a", "y": "b.c"},
        fields={"company_size": "a", "first_name": "b", "attributes.z": "c", "timezone": "a.0"},
    )
    found = meaning.read(rule, {"a": value, "b": value, "c": value})
    assert isinstance(found.faults, dict)
