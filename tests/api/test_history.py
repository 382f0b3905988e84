"""What happened to a lead, as the API tells it; sequences, and the door into one."""

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from campaigns import actions as campaigns
from campaigns.models import EmailTemplate, Enrollment, Message, Sequence, SequenceVersion, Step
from leads import actions
from leads.log import NewEvent
from leads.models import Event, Lead, ScoreEntry, Segment
from tests.api.conftest import NOON
from tests.factories import LeadFactory, ScoreRuleFactory


@pytest.fixture
def welcome(db: None) -> Sequence:
    """A live sequence of one mail that the API may enrol in."""
    template = EmailTemplate.objects.create(
        slug="welcome-1",
        name="Welcome",
        message_class="transactional",
        subject="Hello",
        body="<mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section>",
    )
    sequence = Sequence.objects.create(slug="welcome", name="Welcome")
    version = SequenceVersion.objects.create(sequence=sequence, number=1, triggers=[{"event": "order.placed"}])
    Step.objects.create(version=version, key="hello", position=0, kind="send", template=template)
    campaigns.publish(version, now=NOON)
    sequence.refresh_from_db()
    return sequence


def results(program: APIClient, lead: Lead, what: str) -> list[dict[str, Any]]:
    answer = program.get(f"/api/v1/leads/{lead.pk}/{what}")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["next"] is None
    return answer.json()["results"]  # type: ignore[no-any-return]


def test_the_timeline_is_newest_first_in_pages(program: APIClient, ada: Lead) -> None:
    actions.record(
        [NewEvent(ada.pk, "page.viewed", {"n": n}, occurred_at=NOON + timedelta(minutes=n // 3)) for n in range(9)],
        now=NOON,
    )
    seen, url = [], f"/api/v1/leads/{ada.pk}/timeline?limit=2"
    while url:
        page = program.get(url).json()
        seen += [(row["occurred_at"], row["id"]) for row in page["results"]]
        url = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == Event.objects.filter(lead=ada).count()


def test_touches_are_newest_first_and_the_first_one_stays_the_original(program: APIClient, ada: Lead) -> None:
    later = NOON + timedelta(days=1)
    actions.upsert_lead(email=ada.email, fields={"utm_source": "newsletter"}, now=later)
    assert [touch["source"] for touch in results(program, ada, "touches")] == ["newsletter", "partner"]
    lead = program.get(f"/api/v1/leads/{ada.pk}").json()
    assert (lead["original_touch"]["source"], lead["latest_touch"]["source"]) == ("partner", "newsletter")


def test_the_score_comes_with_every_row_of_its_ledger(program: APIClient, ada: Lead) -> None:
    rule = ScoreRuleFactory(slug="pricing", name="Viewed the pricing page", event_kind="pricing.viewed")
    event_id = actions.record([NewEvent(ada.pk, "pricing.viewed")], now=NOON)[0]
    ScoreEntry.objects.create(lead=ada, dimension="intent", rule=rule, event_id=event_id, points=10, at=NOON)
    ScoreEntry.objects.create(lead=ada, dimension="intent", reason="decay", points=-3, at=NOON + timedelta(days=20))
    Lead.objects.filter(pk=ada.pk).update(intent_score=7, score=7)
    answer = program.get(f"/api/v1/leads/{ada.pk}/score").json()
    assert {name: answer[name] for name in ("fit_score", "intent_score", "score", "temperature")} == {
        "fit_score": 0, "intent_score": 7, "score": 7, "temperature": "cold",
    }  # fmt: skip
    decay, pricing = answer["results"]
    assert (decay["points"], decay["reason"], decay["rule"], decay["event"]) == (-3, "decay", None, None)
    assert (pricing["rule"], pricing["rule_name"], pricing["event"], pricing["event_id"], pricing["points"]) == (
        "pricing", "Viewed the pricing page", "pricing.viewed", event_id, 10,
    )  # fmt: skip


def test_an_enrollment_over_the_api_and_its_mail_are_shown(program: APIClient, ada: Lead, welcome: Sequence) -> None:
    body = {"email": "ADA@acme.com", "key": "order-1", "context": {"product": "Pro"}}
    first = program.post("/api/v1/sequences/welcome/enrollments", body)
    assert (first.status_code, first.json()["result"]) == (201, "enrolled"), first.json()
    again = program.post("/api/v1/sequences/welcome/enrollments", body)
    assert (again.status_code, again.json()["result"]) == (201, "already_active")
    assert again.json()["reason"]
    run = results(program, ada, "enrollments")[0]
    assert (run["sequence"], run["key"], run["state"], run["exit_reason"]) == ("welcome", "order-1", "active", "")
    enrollment = Enrollment.objects.get()
    assert enrollment.context["event"] == {"product": "Pro"}
    version = welcome.current_version.steps.get().template.current_version  # type: ignore[union-attr]
    Message.objects.create(
        key=f"enrollment:{enrollment.pk}:hello", lead=ada, enrollment=enrollment, sequence=welcome, step_key="hello",
        template_version=version, message_class="transactional", due_at=NOON, created_at=NOON,
    )  # fmt: skip
    mail = results(program, ada, "messages")[0]
    shown = {name: mail[name] for name in ("sequence", "step", "variant", "subject", "state", "class", "template")}
    assert shown == {
        "sequence": "welcome", "step": "hello", "variant": "", "subject": "Hello", "state": "ready",
        "class": "transactional", "template": "welcome-1",
    }  # fmt: skip


def test_enrolling_a_stranger_makes_a_lead(program: APIClient, welcome: Sequence) -> None:
    answer = program.post("/api/v1/sequences/welcome/enrollments", {"email": "new@acme.com"})
    assert answer.json()["result"] == "enrolled"
    assert Enrollment.objects.get().lead.email == "new@acme.com"


@pytest.mark.parametrize(
    "body", [{}, {"email": "x"}, {"email": "a@b.de", "key": "k" * 121}, {"email": "a@b.de", "context": 5}]
)
def test_a_wrong_enrolment_is_400_and_makes_nobody(program: APIClient, welcome: Sequence, body: dict[str, Any]) -> None:
    assert program.post("/api/v1/sequences/welcome/enrollments", body).status_code == 400
    assert not Lead.objects.exists()


def test_an_unknown_sequence_is_404_and_makes_nobody(program: APIClient) -> None:
    assert program.post("/api/v1/sequences/nope/enrollments", {"email": "a@b.de"}).status_code == 404
    assert not Lead.objects.exists()


def test_a_sequence_that_is_not_live_refuses(program: APIClient, welcome: Sequence) -> None:
    campaigns.pause(welcome, now=NOON)
    answer = program.post("/api/v1/sequences/welcome/enrollments", {"email": "a@b.de"})
    assert (answer.status_code, answer.json()["result"]) == (201, "refused")
    assert "paused" in answer.json()["reason"]


def test_sequences_and_segments_are_listed(program: APIClient, welcome: Sequence) -> None:
    Segment.objects.create(slug="hot-leads", name="Hot", rule={"field": "temperature", "op": "eq", "value": "hot"})
    assert program.get("/api/v1/sequences").json()["results"] == [
        {
            "slug": "welcome", "name": "Welcome", "description": "", "status": "live", "group": None, "priority": 0,
            "version": 1,
        }
    ]  # fmt: skip
    assert program.get("/api/v1/segments").json()["results"][0]["slug"] == "hot-leads"


def test_a_rule_is_tried_before_it_is_a_segment(program: APIClient) -> None:
    lead = LeadFactory(ada=True)
    rule = {"field": "company_size", "op": "gte", "value": 50}
    answer = program.post("/api/v1/segments/preview", {"rule": rule}, format="json")
    assert answer.status_code == 200
    assert answer.json() | {"people": []} == {
        "sentence": "Company size is at least 50", "count": 1, "is_exact": True, "people": []
    }  # fmt: skip
    assert answer.json()["people"][0]["id"] == lead.pk
    refused = program.post("/api/v1/segments/preview", {"rule": {"field": "x", "op": "eq", "value": 1}}, format="json")
    assert refused.status_code == 400
    assert "field: unknown field 'x'" in str(refused.json()["error"]["fields"]["rule"])
