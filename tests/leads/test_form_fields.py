"""What a form asks: answers in their types, faults with their places, and questions that are not asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads import intake, questions
from leads.actions import FormPost, capture
from leads.intake import IntakeError
from leads.models import Event, Lead, Submission
from tests.factories import NOON, FormFactory
from tests.thorough import tries

SHOW_IF = json.loads((Path(__file__).parent / "show_if.json").read_text())


def read(field: dict[str, Any], sent: object, **more: Any) -> Any:
    """What is kept of an answer to a question `q`."""
    taken = intake.read([{"name": "q", "label": "Q", **field}], {"email": "ada@acme.com", "q": sent, **more})
    return taken.answers.get("q")


def problem(field: dict[str, Any], sent: object) -> str:
    with pytest.raises(IntakeError) as refused:
        read(field, sent)
    return refused.value.fields["q"]


@pytest.mark.parametrize(
    ("field", "sent", "kept"),
    [
        ({}, " a  b ", "a  b"),
        ({"type": "textarea"}, "one\r\ntwo", "one\ntwo"),
        ({"type": "email"}, "Eve@Acme.com", "Eve@Acme.com"),
        ({"type": "tel"}, "+49 30 1234", "+49 30 1234"),
        ({"type": "url"}, "www.example.com/a?b=c", "https://www.example.com/a?b=c"),
        ({"type": "url"}, "http://example.com", "http://example.com"),
        ({"type": "number"}, "1,5", 1.5),
        ({"type": "number", "min": 1, "max": 5}, 5, 5),
        ({"type": "date", "min": "2026-01-01"}, "2026-01-01", "2026-01-01"),
        ({"type": "select", "options": ["a", {"value": "b", "label": "Bee"}]}, "b", "b"),
        ({"type": "radio", "options": ["a"]}, "a", "a"),
        ({"type": "multiselect", "options": ["a", "b", "c"]}, ["a", "c", "a"], ["a", "c"]),
        ({"type": "multiselect", "options": ["a", "b"]}, "a", ["a"]),
        ({"type": "multiselect", "options": ["a", "b"]}, [], None),
        ({"type": "checkbox"}, "on", True),
        ({"type": "checkbox"}, False, False),
        ({"type": "checkbox"}, None, None),
        ({"type": "hidden"}, "spring", "spring"),
        ({"type": "hidden", "default": "site"}, None, "site"),
        ({"type": "hidden"}, {"a": 1}, None),
        ({"type": "hidden"}, "x" * 900, "x" * 500),
        ({"min_length": 2, "max_length": 3}, "abc", "abc"),
        ({"pattern": "[A-Z]{2}"}, "AB", "AB"),
        ({"default": "prefilled"}, None, None),
        ({"type": "a kind that is gone"}, "text", "text"),
    ],
)
def test_an_answer_is_kept_in_its_type(field: dict[str, Any], sent: object, kept: object) -> None:
    assert read(field, sent) == kept


@pytest.mark.parametrize(
    ("field", "sent", "says"),
    [
        ({"type": "email"}, "eve", "whole e-mail address"),
        ({"type": "url"}, "javascript:alert(1)", "web address"),
        ({"type": "url"}, "javascript://example.com/%0aalert(1)", "web address"),
        ({"type": "url"}, "http://[", "web address"),
        ({"type": "url"}, "example", "web address"),
        ({"type": "number"}, "many", "number"),
        ({"type": "number"}, "nan", "too large"),
        ({"type": "number"}, "1e99", "too large"),
        ({"type": "number", "min": 1.5}, "1", "At least 1.5"),
        ({"type": "number", "max": 5}, "6", "At most 5"),
        ({"type": "date"}, "31.3.2026", "date"),
        ({"type": "date", "min": "2026-01-01"}, "2025-12-31", "Not before 2026-01-01"),
        ({"type": "date", "max": "2026-01-01"}, "2026-01-02", "Not after 2026-01-01"),
        ({"type": "select", "options": ["a"]}, "b", "options"),
        ({"type": "select", "options": ["a"]}, ["a"], "not several"),
        ({"type": "radio", "options": [{"value": "b", "label": "Bee"}]}, "Bee", "options"),
        ({"type": "multiselect", "options": ["a"]}, ["a", "b"], "options"),
        ({"type": "multiselect", "options": ["a"]}, ["a"] * 101, "At most 100"),
        ({"type": "multiselect", "options": ["a"]}, [{"a": 1}], "text or a number"),
        ({"type": "checkbox"}, "perhaps", "Yes or no"),
        ({"type": "checkbox", "required": True}, "false", "tick"),
        ({"type": "multiselect", "options": ["a"], "required": True}, [], "fill this in"),
        ({"required": True}, "  ", "fill this in"),
        ({"min_length": 2}, "a", "At least 2"),
        ({"max_length": 3}, "abcd", "At most 3"),
        ({"type": "textarea"}, "x" * 5001, "At most 5000"),
        ({}, "x" * 501, "At most 500"),
        ({"pattern": "[A-Z]{2}", "message": "Two capitals, please."}, "ab", "Two capitals, please."),
        ({"pattern": "[A-Z]{2}"}, "ABC", "does not look right"),
        ({}, {"a": 1}, "text or a number"),
    ],
)
def test_a_wrong_answer_says_what_to_mend(field: dict[str, Any], sent: object, says: str) -> None:
    assert says in problem(field, sent)


def question(name: str, type: str, show_if: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "label": name, "type": type} | ({"show_if": show_if} if show_if else {})


@pytest.mark.parametrize("row", SHOW_IF, ids=lambda row: row["it"])
def test_which_questions_are_asked(row: dict[str, Any]) -> None:
    """The browser's twin is held to the same table in tests/e2e/test_forms.py."""
    asked = questions.read([question(*each) for each in row["questions"]])
    assert sorted(questions.hidden(asked, row["answers"])) == row["hidden"]


GOOD = {"name": "plan", "label": "Plan", "type": "select", "options": ["a", "b"]}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "x"}, "A list is expected"),
        ([1], "[0]: a question is written like"),
        ([{"name": "a"}] * 51, "At most 50 questions"),
        ([{"label": "X"}], "[0].name: a name"),
        ([{"name": "a b", "label": "X"}], "[0].name: a name"),
        ([{"name": "größe", "label": "X"}], "[0].name: a name"),
        ([{"name": "lc_t", "label": "X"}], "[0].name: “lc_t” is ours"),
        ([GOOD, GOOD], "[1].name: “plan” is asked twice"),
        ([{"name": "a", "label": "A", "typ": "text"}], "[0].typ: not known"),
        ([{"name": "a", "label": "A", "type": "colour"}], "[0].type: not known; known are text"),
        ([{"name": "a"}], "[0].label: what do people read?"),
        ([{"name": "a", "label": "A", "help": 3}], "[0].help: a text"),
        ([{"name": "a", "label": "A", "required": "yes"}], "[0].required: true or false"),
        ([{"name": "a", "type": "hidden", "required": True}], "[0].required: people cannot fill in"),
        ([{"name": "email", "label": "A", "type": "text"}], "[0].type: the address is of type email"),
        ([{"name": "a", "label": "A", "options": ["x"]}], "[0].options: only for select"),
        ([{"name": "a", "label": "A", "type": "radio"}], "[0].options: a list of choices"),
        ([{"name": "a", "label": "A", "type": "radio", "options": ["x", "x"]}], "[0].options[1]: “x” is there twice"),
        ([{"name": "a", "label": "A", "type": "radio", "options": [{"v": 1}]}], "[0].options[0]: a text"),
        ([{"name": "a", "label": "A", "type": "number", "min": "x"}], "[0].min: a number"),
        ([{"name": "a", "label": "A", "type": "number", "min": 3, "max": 1}], "[0].max: lower than min"),
        ([{"name": "a", "label": "A", "type": "date", "max": "soon"}], "[0].max: a day"),
        ([{"name": "a", "label": "A", "type": "number", "max_length": 3}], "[0].max_length: only for"),
        ([{"name": "a", "label": "A", "min_length": -1}], "[0].min_length: a number of characters"),
        ([{"name": "a", "label": "A", "min_length": 3, "max_length": 1}], "[0].max_length: lower"),
        ([{"name": "a", "label": "A", "pattern": "(a"}], "[0].pattern: At character 3: a group is not closed"),
        ([{"name": "a", "label": "A", "pattern": 3}], "[0].pattern: A text is expected"),
        ([{"name": "a", "label": "A", "default": ["x"]}], "[0].default: one value"),
        ([GOOD | {"default": "c"}], "[0].default: Please choose one of the options"),
        ([{"name": "a", "label": "A", "show_if": {"field": "b"}}], "[0].show_if.field: the name of a question above"),
        ([{"name": "a", "label": "A", "show_if": "plan"}], "[0].show_if: write"),
        ([GOOD, {"name": "b", "label": "B", "show_if": {"field": "plan", "op": "is"}}], "[1].show_if.op: not known"),
        (
            [GOOD, {"name": "b", "label": "B", "show_if": {"field": "plan", "op": "in", "value": "a"}}],
            "a list of values",
        ),
        ([GOOD, {"name": "b", "label": "B", "show_if": {"field": "plan", "value": "z"}}], "“z” is none of the choices"),
        (
            [GOOD, {"name": "b", "label": "B", "show_if": {"field": "plan", "op": "filled", "value": 1}}],
            "needs no value",
        ),
        ([{"name": "email", "label": "E", "type": "email", "show_if": {"field": "email"}}], "always asked"),
    ],
)
def test_a_fault_is_named_with_its_place(fields: object, says: str) -> None:
    faults = questions.faults(fields)
    assert any(says in fault for fault in faults), faults


def test_a_sound_form_has_no_faults_and_keeps_what_it_says() -> None:
    fields = [
        {"name": "email", "label": "Email", "type": "email", "required": True},
        GOOD | {"default": "b", "help": "Either.", "prefill": True},
        {
            "name": "why",
            "label": "Why b?",
            "type": "textarea",
            "max_length": 900,
            "show_if": {"field": "plan", "value": "b"},
        },
        {"name": "seats", "label": "Seats", "type": "number", "min": 1, "max": 9, "default": 3},
        {"name": "tags", "label": "Tags", "type": "multiselect", "options": ["x", "y"], "default": ["x"]},
        {"name": "agree", "label": "Agree", "type": "checkbox", "required": True, "default": False},
        {"name": "partner", "type": "hidden", "default": "none", "prefill": True},
    ]
    assert questions.faults(fields) == []
    found = questions.read(fields)
    assert [each.name for each in found] == ["email", "plan", "why", "seats", "tags", "agree", "partner"]
    assert found[1].default == ("b",)
    assert found[2].show_if == questions.Condition("plan", "eq", ("b",))


values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=5), st.sampled_from(["a", "b"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
rows = st.dictionaries(st.sampled_from([*questions.KEYS, "other"]), values, max_size=8)


@given(st.lists(st.one_of(rows, values), max_size=4))
@settings(max_examples=tries(100, thoroughly=1000), deadline=None)
def test_nothing_that_somebody_writes_breaks_the_checking_or_the_reading(fields: list[Any]) -> None:
    assert all(isinstance(fault, str) for fault in questions.faults(fields))
    stored = json.loads(json.dumps(fields, allow_nan=False)) if _is_json(fields) else []
    questions.hidden(questions.read(stored), {"a": "b"})


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


FORM = [
    {"name": "kind", "label": "Kind", "type": "radio", "options": ["a", "b"]},
    {"name": "size", "label": "Size", "type": "number", "show_if": {"field": "kind", "value": "a"}, "required": True},
    {"name": "more", "label": "More", "type": "multiselect", "options": ["x", "y"],
     "show_if": {"field": "size", "op": "ne", "value": 5}},
    {"name": "company", "label": "Company", "show_if": {"field": "more", "op": "in", "value": ["x"]}},
    {"name": "ref", "type": "hidden", "show_if": {"field": "kind", "op": "filled"}},
]  # fmt: skip
bodies = st.fixed_dictionaries(
    {"email": st.just("ada@acme.com")},
    optional={
        "kind": st.one_of(st.sampled_from(["a", "b", "", " a "]), values),
        "size": st.one_of(st.sampled_from(["5", "5,0", "7", "x", ""]), values),
        "more": st.one_of(st.sampled_from([["x"], ["x", "y"], [], "x", ""]), values),
        "company": st.one_of(st.sampled_from(["Acme", ""]), values),
        "ref": values,
        "unknown": values,
    },
)


@given(bodies)
@settings(max_examples=tries(150, thoroughly=1000), deadline=None)
def test_what_is_not_asked_is_neither_needed_nor_kept(data: dict[str, Any]) -> None:
    asked = questions.read(FORM)
    unasked = questions.hidden(asked, data)
    try:
        taken = intake.read(FORM, data)
    except IntakeError as refused:
        assert not unasked & set(refused.fields)  # noqa: PT017  whether it is refused depends on the example
        return
    assert taken.unasked == unasked
    assert not unasked & set(taken.answers)
    assert not unasked & set(taken.attributes)
    assert "company" not in unasked or "company_name" not in taken.profile
    missing = {question.name for question in asked if question.is_required and question.name not in unasked}
    assert missing <= set(taken.answers)


@pytest.mark.django_db
@given(bodies)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_door_answers_and_stores_no_answer_that_was_not_asked_for(client: Any, data: dict[str, Any]) -> None:
    FormFactory(slug="odd", fields=FORM)
    before = Submission.objects.count()
    raw = json.dumps(data).encode()
    answer = client.post("/api/v1/forms/odd/submissions", raw, content_type="application/json")
    assert answer.status_code in (201, 400), answer.content
    if answer.status_code == 201 and Submission.objects.count() > before:
        stored = Submission.objects.latest("pk")
        unasked = questions.hidden(questions.read(FORM), json.loads(raw))
        assert not unasked & set(stored.data)
        event = Event.objects.get(key=f"submission:{stored.pk}")
        assert not unasked & set(event.properties)


@pytest.mark.django_db
def test_an_answer_to_a_question_that_was_not_asked_is_stored_nowhere() -> None:
    FormFactory(slug="odd", fields=FORM)
    capture(
        FormPost("odd", {"email": "ada@acme.com", "kind": "b", "size": "9", "company": "Acme", "more": "x"}), now=NOON
    )
    lead = Lead.objects.get()
    assert (lead.company_name, lead.attributes) == ("", {"kind": "b"})
    assert Submission.objects.get().data == {"email": "ada@acme.com", "kind": "b"}
    assert Event.objects.get(kind="form.submitted").properties["kind"] == "b"
    assert "size" not in Event.objects.get(kind="form.submitted").properties
