"""What people answer when they book in Calendly fills their lead, by a table that marketers edit."""

from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from leads.models import Event, Lead
from lifecycle.integrations.calendly import answers
from lifecycle.integrations.calendly.answers import Said
from lifecycle.integrations.models import AnswerRule, InboxEvent
from tests import calendly
from tests.cast import ADA, World
from tests.staff import colleague

SIZE = "How many people work at your company?"


def rule(question: str, target: str, **said: object) -> SimpleNamespace:
    return SimpleNamespace(**{"question": question, "target": target, "event_name": "", "only_if_empty": True} | said)


def given(**told: str) -> list[dict[str, str]]:
    return [{"question": question.replace("_", " "), "answer": answer} for question, answer in told.items()]


@pytest.mark.parametrize(
    ("rules", "told", "expected"),
    [
        ([rule("PHONE  number", "phone")], given(Your_phone_number="+49 30 1"), Said({"phone": "+49 30 1"})),
        ([rule("phone", "phone")], given(Anything_else="No"), Said({})),
        ([rule("size", "company_size")], given(Team_size="rather big"), Said({}, refused=["company_size"])),
        (
            [rule("size", "company_size"), rule("people", "company_size")],
            given(Team_size="rather big", How_many_people="50-500"),
            Said({"company_size": "50-500"}),
        ),
        (
            [rule("plan", "attributes.plan", event_name="product DEMO")],
            given(Plan="Pro"),
            Said({"attributes.plan": "Pro"}),
        ),
        ([rule("plan", "attributes.plan", event_name="Security review")], given(Plan="Pro"), Said({})),
        (
            [rule("title", "job_title", only_if_empty=False)],
            given(Title="CTO"),
            Said({"job_title": "CTO"}, {"job_title"}),
        ),
        ([rule("stage", "stage")], given(Stage="customer"), Said({}, refused=["stage"])),
    ],
    ids=["part", "unasked", "refused", "next-rule", "event-type", "other-event-type", "replaces", "not-writable"],
)
def test_what_answers_mean(rules: list[answers.Rule], told: list[dict[str, str]], expected: Said) -> None:
    found = answers.read(rules, told, "Product demo")
    assert (found.values, set(found.over), list(found.refused)) == (
        expected.values,
        set(expected.over),
        list(expected.refused),
    )


@pytest.mark.usefixtures("playbooks")
class TestBookings:
    def test_what_ships_fills_what_is_not_known(self, world: World) -> None:
        world.book("jo@ode.example", answers={"Phone Number": "+49 30 1234", "Company size": "50-500 people"})
        jo = Lead.objects.get()
        assert (jo.phone, jo.company_size, jo.fit_score) == ("+49 30 1234", 50, 30)

    def test_what_is_known_stays_unless_the_rule_says_otherwise(self, world: World) -> None:
        AnswerRule.objects.create(question="your role", target="job_title", only_if_empty=False)
        ada = world.submit("contact", **ADA)
        world.later(minutes=1)
        world.book(ada.email, answers={"Company size": "7", "What is your role?": "CEO"})
        ada.refresh_from_db()
        assert (ada.company_size, ada.job_title, ada.role) == (120, "CEO", "executive")
        told = Event.objects.filter(kind="lead.updated", source="calendly").latest("pk")
        assert told.properties["fields"] == ["department", "job_title", "role"]
        Lead.objects.update(job_title="Chairwoman")
        InboxEvent.objects.update(state="waiting", closed_at=None)  # replayed: nothing is filled in once more
        world.later(minutes=1)
        world.run()
        ada.refresh_from_db()
        assert ada.job_title == "Chairwoman"

    def test_a_rule_may_be_for_one_event_type(self, world: World) -> None:
        AnswerRule.objects.create(question=SIZE, event_name="Security review", target="attributes.team_size")
        world.book("jo@example.com", answers={SIZE: "12"}, event_name="Product demo")
        assert Lead.objects.get().attributes == {}
        world.later(minutes=1)
        world.book("jo@example.com", answers={SIZE: "12"}, event_name="Security review")
        assert Lead.objects.get().attributes == {"team_size": "12"}

    def test_what_a_field_does_not_take_is_told_and_stops_nothing(self, world: World) -> None:
        world.book("jo@example.com", answers={"Company size": "none of your business", "Job title": "CTO"})
        jo = Lead.objects.get()
        assert (jo.demo_booked, jo.company_size, jo.job_title) == (True, None, "CTO")
        row = InboxEvent.objects.get()
        assert (row.state, row.outcome.partition("; ")[2]) == ("done", "answers left out: company_size")

    def test_a_routing_form_fills_too(self, world: World) -> None:
        asked = [{"question": "Your email", "answer": "kim@example.com"}, {"question": "Company size", "answer": "12"}]
        payload = {"uri": "https://api.calendly.com/routing_form_submissions/1", "questions_and_answers": asked}
        at = calendly.written(world.now)
        world.calendly({"event": "routing_form_submission.created", "created_at": at, "payload": payload})
        assert Lead.objects.get().company_size == 12


@pytest.mark.django_db
class TestAdmin:
    @pytest.fixture
    def marketer(self) -> Client:
        return colleague("marketer")

    def save(self, client: Client, **said: object) -> object:
        told = {"question": "team  size", "field": "attributes.", "attribute": "team_size", "position": 10} | said
        return client.post(
            reverse("admin:integrations_answerrule_add"), {"only_if_empty": "on", "is_active": "on"} | told
        )

    def test_a_marketer_adds_a_rule_and_no_second_one_like_it(self, marketer: Client) -> None:
        assert self.save(marketer).status_code == 302  # type: ignore[attr-defined]
        made = AnswerRule.objects.get(target="attributes.team_size")
        assert (made.question, made.target) == ("team size", "attributes.team_size")
        assert "There is such a rule already." in self.save(marketer).content.decode()  # type: ignore[attr-defined]
        form = marketer.get(reverse("admin:integrations_answerrule_change", args=[made.pk])).content.decode()
        assert 'value="team_size"' in form

    @pytest.mark.parametrize(
        ("said", "problem"),
        [
            ({"attribute": ""}, "Name the attribute"),
            ({"field": "phone"}, "Leave this empty"),
            ({"field": "stage", "attribute": ""}, "Select a valid choice"),
        ],
    )
    def test_what_cannot_work_is_said(self, marketer: Client, said: dict[str, str], problem: str) -> None:
        assert problem in self.save(marketer, **said).content.decode()  # type: ignore[attr-defined]
        assert not AnswerRule.objects.filter(question="team size").exists()

    def test_sales_may_read_and_not_write(self) -> None:
        rep = colleague("sales")
        assert rep.get(reverse("admin:integrations_answerrule_changelist")).status_code == 200
        assert rep.get(reverse("admin:integrations_answerrule_add")).status_code == 403
