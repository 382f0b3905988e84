"""Leads over the API: list and filters, one, upsert, change, events."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from leads import actions
from leads.models import Event, Lead, StageChange, Touch
from tests.api.conftest import NOON

LEADS = "/api/v1/leads"
FIELDS = """id email first_name last_name company job_title stage fit_score intent_score score temperature audience_type
    primary_audience owner is_client engagement_tier sunset_at form_source original_touch latest_touch demo webinars
    attributes created_at updated_at""".split()


def people(count: int) -> list[Lead]:
    return [
        actions.upsert_lead(email=f"p{n}@acme.com", fields={"company": "Acme"}, now=NOON).lead for n in range(count)
    ]


def fields(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 400, answer.json()
    return answer.json()["error"]["fields"]  # type: ignore[no-any-return]


def test_a_lead_has_every_field_of_the_contract(program: APIClient, ada: Lead) -> None:
    lead = program.get(f"{LEADS}/{ada.pk}").json()
    assert [name for name in FIELDS if name not in lead] == []
    assert (lead["email"], lead["company"], lead["owner"], lead["webinars"]) == ("ada@acme.com", "Acme", None, "")
    assert lead["demo"] == {"booked": False, "at": None, "event_name": "", "status": ""}
    assert lead["original_touch"]["source"] == "partner"
    assert lead["original_touch"]["at"] == "2026-03-02T12:00:00Z"
    assert lead["created_at"] == "2026-03-02T12:00:00Z"


def test_times_are_utc_in_any_installation(program: APIClient, ada: Lead, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert program.get(f"{LEADS}/{ada.pk}").json()["created_at"] == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize("lead_id", [0, 99, 2**31, 2**63, 10**30])
def test_an_unknown_lead_is_404(program: APIClient, lead_id: int) -> None:
    for path in ("", "/timeline", "/touches", "/score", "/messages", "/enrollments"):
        answer = program.get(f"{LEADS}/{lead_id}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert program.patch(f"{LEADS}/{lead_id}", {"first_name": "x"}).status_code == 404
    assert program.post(f"{LEADS}/{lead_id}/events", {"kind": "a.b"}).status_code == 404


def test_pages_hold_every_lead_once_though_new_ones_arrive(program: APIClient, ada: Lead) -> None:
    known = {lead.pk for lead in people(4)} | {ada.pk}
    seen: list[int] = []
    url: str | None = f"{LEADS}?limit=2"
    while url:
        page = program.get(url).json()
        seen += [lead["id"] for lead in page["results"]]
        url = page["next"]
        actions.upsert_lead(email=f"late{len(seen)}@acme.com", fields={}, now=NOON)
    assert seen == sorted(known, reverse=True)


def test_a_copy_is_kept_up_to_date_by_updated_since_through_equal_times(program: APIClient) -> None:
    leads = people(5)
    Lead.objects.filter(pk=leads[0].pk).update(updated_at=NOON + timedelta(hours=1))
    Lead.objects.exclude(pk=leads[0].pk).update(updated_at=NOON)
    seen: list[int] = []
    url: str | None = f"{LEADS}?limit=2&updated_since=2026-03-02T12:00:00Z"
    while url:
        page = program.get(url).json()
        seen += [lead["id"] for lead in page["results"]]
        url = page["next"]
    assert seen == [lead.pk for lead in (*leads[1:], leads[0])]


def test_filters_narrow_the_list(program: APIClient, ada: Lead, rita: User) -> None:
    people(1)
    actions.assign_owner(ada, rita, now=NOON)

    def found(query: str) -> list[str]:
        return [lead["email"] for lead in program.get(f"{LEADS}?{query}").json()["results"]]

    assert found("email=ADA@Acme.com") == ["ada@acme.com"]
    assert found("email=nobody@acme.com") == []
    assert found("owner=rita") == ["ada@acme.com"]
    assert found("owner=none") == ["p0@acme.com"]
    assert found("stage=customer") == []
    assert len(found(f"stage={ada.stage}&temperature=cold")) == 2
    assert len(found("engagement_tier=engaged")) == 2
    assert found("engagement_tier=dormant") == []
    assert found("updated_since=2099-01-01T00:00:00Z") == []
    assert len(found("updated_since=" + quote("2026-03-02T13:00:00+01:00"))) >= 1


@pytest.mark.parametrize(
    "query",
    [
        "stage=warm", "temperature=boiling", "engagement_tier=asleep", "owner=nobody", "owner=%25I%25p",
        "updated_since=yesterday",
        "updated_since=2026-13-01T00:00:00Z", "email=ada", "limit=0", "limit=201", "limit=x", "cursor=x",
        "cursor=WyJhIl0=", "cursor=Wy0xXQ==", "emial=ada@acme.com", "email=a%00@b.de",
        "updated_since=0001-01-01T00:00:00Z&cursor=WzFd",
    ],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_named(program: APIClient, query: str) -> None:
    assert fields(program.get(f"{LEADS}?{query}")).keys() <= {query.partition("=")[0], "cursor"}


def test_the_cost_of_a_page_does_not_depend_on_its_length(
    program: APIClient, ada: Lead, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people(12)
    program.get(LEADS)
    for limit in (1, 13):
        with django_assert_num_queries(3):  # the key, the page, the channels of its touches
            assert len(program.get(f"{LEADS}?limit={limit}").json()["results"]) == limit
        for path in ("timeline", "touches", "score", "messages", "enrollments"):
            with django_assert_num_queries(3 + (path == "touches")):  # the key, the lead, the page; the channels
                assert program.get(f"{LEADS}/{ada.pk}/{path}?limit={limit}").status_code == 200


def test_upsert_creates_then_enriches(program: APIClient) -> None:
    new = program.post(LEADS, {"email": "Ada@acme.com", "first_name": "Ada", "attributes": {"plan": "trial"}})
    assert (new.status_code, new.json()["first_name"]) == (201, "Ada")
    known = program.post(
        LEADS, {"email": "ADA@ACME.COM", "first_name": "", "job_title": "CEO", "attributes": {"seats": 3}}
    )
    assert known.status_code == 200
    lead = known.json()
    assert (lead["id"], lead["first_name"], lead["job_title"]) == (new.json()["id"], "Ada", "CEO")
    assert lead["attributes"] == {"plan": "trial", "seats": 3}
    assert Touch.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "email"), ({"email": "x"}, "email"), ({"email": 5}, "email"), ({"email": ["a@b.de"]}, "email"),
        ({"email": "a@b.de", "score": 90}, "score"), ({"email": "a@b.de", "stage": "mql"}, "stage"),
        ({"email": "a@b.de", "nick": "x"}, "nick"), ({"email": "a@b.de", "first_name": {"a": 1}}, "first_name"),
        ({"email": "a@b.de", "attributes": "x"}, "attributes"), ({"email": "a@b.de", "timezone": "Mars"}, "timezone"),
        ({"email": "a@b.de", "is_client": "maybe"}, "is_client"),
        ({"email": "a@b.de", "company_size": "many"}, "company_size"),
        ({"email": "a@b.de", "first_name": "x" * 101}, "first_name"),
        ({"email": "a@b.de", "audience_type": "b2x"}, "audience_type"),
    ],
)  # fmt: skip
def test_an_upsert_that_is_wrong_names_the_field_and_writes_nothing(
    program: APIClient, body: dict[str, Any], named: str
) -> None:
    assert list(fields(program.post(LEADS, body))) == [named]
    assert not Lead.objects.exists()


def test_patch_changes_fields_owner_and_stage_with_a_reason(program: APIClient, ada: Lead, rita: User) -> None:
    body = {"phone": "+49 30 1", "owner": "rita", "stage": "sql", "reason": "Asked by phone", "attributes": {"a": 1}}
    answer = program.patch(f"{LEADS}/{ada.pk}", body)
    assert answer.status_code == 200, answer.json()
    lead = answer.json()
    assert (lead["phone"], lead["owner"], lead["stage"], lead["attributes"]) == ("+49 30 1", "rita", "sql", {"a": 1})
    assert StageChange.objects.get(lead=ada, after="sql").reason == "Asked by phone"
    back = program.patch(f"{LEADS}/{ada.pk}", {"owner": None, "phone": "", "attributes": {"a": None}}).json()
    assert (back["owner"], back["phone"], back["attributes"]) == (None, "", {})
    assert program.patch(f"{LEADS}/{ada.pk}", {"stage": "sql"}).status_code == 200  # it is there already


def test_patch_refuses_what_is_concluded_or_never_changes(program: APIClient, ada: Lead) -> None:
    sent = {
        "score": 99,
        "original_touch": None,
        "email": "eve@acme.com",
        "id": 7,
        "form_source": "x",
        "first_name": "Eve",
    }
    problems = fields(program.patch(f"{LEADS}/{ada.pk}", sent))
    assert problems == {name: ["This field is read-only."] for name in sent if name != "first_name"}
    ada.refresh_from_db()
    assert ada.first_name == "Ada"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"owner": "nobody"}, "owner"), ({"owner": 7}, "owner"), ({"owner": ["rita"]}, "owner"),
        ({"stage": "lost"}, "stage"),
        ({"stage": ["mql"]}, "stage"), ({"reason": "why"}, "reason"), ({"stage": "mql", "reason": 5}, "reason"),
        ({"engagement_tier": ""}, "engagement_tier"), ({"nick": "x"}, "nick"), ({"attributes": {"": 1}}, "attributes"),
    ],
)  # fmt: skip
def test_a_change_that_is_wrong_is_named(program: APIClient, ada: Lead, body: dict[str, Any], named: str) -> None:
    assert list(fields(program.patch(f"{LEADS}/{ada.pk}", body))) == [named]


def test_an_illegal_arrow_is_409_and_nothing_is_written(program: APIClient, ada: Lead) -> None:
    Lead.objects.filter(pk=ada.pk).update(stage="customer")
    answer = program.patch(f"{LEADS}/{ada.pk}", {"stage": "mql", "first_name": "Eve"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "illegal_move")
    assert "from customer it can go to former" in answer.json()["error"]["message"]
    ada.refresh_from_db()
    assert (ada.stage, ada.first_name) == ("customer", "Ada")


def test_an_event_is_recorded_once_per_key(program: APIClient, ada: Lead) -> None:
    body = {
        "kind": "pricing.viewed",
        "properties": {"plan": "pro"},
        "occurred_at": "2026-03-02T13:00:00+01:00",
        "key": "v1",
    }
    first, again = (program.post(f"{LEADS}/{ada.pk}/events", body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (first.json()["occurred_at"], first.json()["source"]) == ("2026-03-02T12:00:00Z", "api")
    assert Event.objects.filter(kind="pricing.viewed").count() == 1


def test_a_key_of_another_leads_event_is_409(program: APIClient, ada: Lead) -> None:
    other = people(1)[0]
    program.post(f"{LEADS}/{ada.pk}/events", {"kind": "pricing.viewed", "key": "v1"})
    assert program.post(f"{LEADS}/{other.pk}/events", {"kind": "pricing.viewed", "key": "v1"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "kind"), ({"kind": ""}, "kind"), ({"kind": {"a": 1}}, "kind"), ({"kind": "x" * 101}, "kind"),
        ({"kind": "a.b", "properties": [1]}, "properties"),
        ({"kind": "a.b", "properties": {"x": "y" * 40_000}}, "properties"),
        ({"kind": "a.b", "occurred_at": "soon"}, "occurred_at"), ({"kind": "a.b", "key": "x" * 201}, "key"),
        ({"kind": "stage.changed"}, "kind"),
    ],
)  # fmt: skip
def test_an_event_that_is_wrong_is_named(program: APIClient, ada: Lead, body: dict[str, Any], named: str) -> None:
    assert list(fields(program.post(f"{LEADS}/{ada.pk}/events", body))) == [named]


def test_an_event_without_a_time_happened_now(program: APIClient, ada: Lead) -> None:
    before = datetime.now(UTC)
    program.post(f"{LEADS}/{ada.pk}/events", {"kind": "VIEWED_SOMETHING"})
    event = Event.objects.get(kind="VIEWED_SOMETHING")
    assert before <= event.occurred_at <= datetime.now(UTC)
