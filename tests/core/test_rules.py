"""The condition language by itself: what it refuses, what it means, how it reads. No database."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lifecycle.core import durations
from lifecycle.core.rules import EventFact, EventNeed, Facts, Field, Needs, RuleError, Vocabulary, parse, validate
from lifecycle.core.rules.folding import fold

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WORDS = Vocabulary(
    [
        Field("company_size", "number", "company size", "company_size"),
        Field("country", "text", "country", "country"),
        Field("email", "text", "email address", "email_normal", folded=True),
        Field("stage", "choice", "stage", "stage", ("cold", "mql", "sql")),
        Field("is_client", "boolean", "client", "is_client"),
        Field("created_at", "datetime", "lead creation", "created_at"),
    ],
    dynamic_prefixes={"attributes.": "attributes"},
)


def facts(since=None, events=None, **fields):
    return Facts(fields, events or {}, since)


def holds(data, given_facts):
    return parse(data, WORDS, since_enrollment=True).matches(given_facts, NOW)


def field_test(field, op, *value):
    return {"field": field, "op": op, **({"value": value[0]} if value else {})}


def seen(*ages, **properties):
    return [EventFact(NOW - age, properties) for age in ages]


@pytest.mark.parametrize(
    ("field", "op", "value", "fact", "expected"),
    [
        ("country", "eq", "germany", "GERMANY", True),
        ("country", "eq", "ZÜRICH", "zürich", True),
        ("country", "eq", "strasse", "straße", False),
        ("country", "eq", "k", "\N{KELVIN SIGN}", False),
        ("country", "eq", "ΟΔΟΣ", "οδος", True),
        ("country", "eq", "germany", "germany ", False),
        ("country", "ne", "germany", "", True),
        ("country", "ne", "germany", None, True),
        ("country", "in", ["DE", "AT"], "at", True),
        ("country", "not_in", ["DE", "AT"], "at", False),
        ("country", "not_in", ["DE", "AT"], None, True),
        ("country", "contains", "100%", "only 100% done", True),
        ("country", "contains", "100%", "only 1000 done", False),
        ("country", "starts_with", "uni", "United", True),
        ("country", "ends_with", "_x", "ax", False),
        ("company_size", "between", [50, 500], 50, True),
        ("company_size", "between", [50, 500], 500, True),
        ("company_size", "between", [50, 500], 501, False),
        ("company_size", "lt", 50, None, False),
        ("company_size", "ne", 50, None, True),
        ("company_size", "eq", 0.1, Decimal("0.1"), True),
        ("company_size", "eq", 1, True, False),
        ("is_client", "eq", True, True, True),
        ("is_client", "eq", True, 1, False),
        ("is_client", "ne", True, None, True),
        ("stage", "eq", "mql", "mql", True),
        ("stage", "eq", "mql", "MQL", False),
        ("created_at", "within_last", "7d", NOW, True),
        ("created_at", "within_last", "7d", NOW - timedelta(days=7), False),
        ("created_at", "older_than", "7d", NOW - timedelta(days=7), True),
        ("created_at", "within_last", "7d", NOW + timedelta(seconds=1), False),
        ("created_at", "within_next", "7d", NOW + timedelta(days=7), True),
        ("created_at", "older_than", "7d", None, False),
        ("created_at", "before", "2026-11-21T13:00:00+01:00", NOW, False),
        ("created_at", "after", date(2026, 11, 21), NOW, True),
    ],
)
def test_field_tests_mean_what_they_say(field, op, value, fact, expected):
    assert holds(field_test(field, op, value), facts(**{field: fact})) is expected


@pytest.mark.parametrize("missing", [None, ""])
def test_a_missing_value_is_not_set(missing):
    assert holds(field_test("country", "is_not_set"), facts(country=missing))
    assert not holds(field_test("country", "is_set"), facts(country=missing))
    assert holds(field_test("attributes.plan", "is_not_set"), facts(attributes={"plan": missing}))
    assert holds(field_test("attributes.plan", "is_not_set"), facts(attributes={}))
    assert holds(field_test("company_size", "is_set"), facts(company_size=0))
    assert holds(field_test("is_client", "is_set"), facts(is_client=False))


@pytest.mark.parametrize(
    ("op", "value", "stored", "expected"),
    [
        ("eq", "5", "5", True),
        ("eq", "5", 5, False),
        ("eq", 5, "5", False),
        ("eq", 5, 5.0, True),
        ("eq", 1, True, False),
        ("eq", True, 1, False),
        ("ne", 5, "5", True),
        ("gt", 4, True, False),
        ("contains", "a", ["a"], False),
        ("in", ["Pro", "Team"], "PRO", True),
        ("is_true", None, True, True),
        ("is_false", None, None, False),
        ("is_set", None, [], True),
    ],
)
def test_json_values_keep_their_type(op, value, stored, expected):
    rule = field_test("attributes.plan", op) if value is None else field_test("attributes.plan", op, value)
    assert holds(rule, facts(attributes={"plan": stored})) is expected


def test_a_field_that_was_not_loaded_does_not_pass_for_missing():
    with pytest.raises(LookupError, match="company_size"):
        holds(field_test("company_size", "ne", 5), facts())


def test_events_are_counted_within_their_time():
    three = {"event": "pricing.viewed", "at_least": 3, "within": "7d"}
    days = [timedelta(days=day) for day in (0, 6, 7)]
    assert not holds(three, facts(events={"pricing.viewed": seen(*days)}))
    assert holds(three, facts(events={"pricing.viewed": seen(*days, timedelta(days=1))}))
    assert not holds(three, facts(events={"docs.viewed": seen(*days, timedelta(days=1))}))
    assert not holds({"event": "pricing.viewed"}, facts(events={"pricing.viewed": seen(timedelta(seconds=-1))}))


def test_at_most_and_exactly_count_absence():
    none, one = facts(), facts(events={"a.b": seen(timedelta(0))})
    assert [holds({"event": "a.b", "at_most": 0}, each) for each in (none, one)] == [True, False]
    assert [holds({"event": "a.b", "exactly": 1}, each) for each in (none, one)] == [False, True]
    assert [holds({"event": "a.b", "at_most": 1}, each) for each in (none, one)] == [True, True]


def test_since_enrollment_leaves_out_the_event_that_caused_it():
    goal = {"event": "meeting.booked", "since": "enrollment"}
    booked = {"meeting.booked": seen(timedelta(hours=1))}
    assert not holds(goal, facts(NOW - timedelta(hours=1), booked))
    assert holds(goal, facts(NOW - timedelta(hours=2), booked))
    with pytest.raises(LookupError, match="since"):
        holds(goal, facts(None, booked))


def test_event_properties_must_all_hold():
    rule = {
        "event": "form.submitted",
        "where": [
            {"property": "form", "op": "eq", "value": "contact"},
            {"property": "seats", "op": "gte", "value": 5},
        ],
    }
    assert holds(rule, facts(events={"form.submitted": seen(timedelta(0), form="Contact", seats=5)}))
    assert not holds(rule, facts(events={"form.submitted": seen(timedelta(0), form="Contact")}))


def test_groups_and_negation():
    small, large = facts(company_size=5, country="DE"), facts(company_size=500, country="FR")
    big, german = field_test("company_size", "gt", 50), field_test("country", "eq", "de")
    assert [holds({"any": [big, german]}, each) for each in (small, large)] == [True, True]
    assert [holds({"all": [big, german]}, each) for each in (small, large)] == [False, False]
    assert [holds({"not": big}, each) for each in (small, large)] == [True, False]
    assert holds({}, small)
    assert parse({"version": 1}, WORDS).always


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ([], "", "a rule is an object, not a list"),
        (None, "", "a rule is an object, not nothing"),
        ({"version": 2}, "version", "unknown version 2"),
        ({"all": []}, "all", "at least one condition"),
        ({"all": [{}]}, "all[0]", "exactly one of all, any, not, field, event"),
        ({"all": [{"event": "a.b"}], "any": []}, "", "not all and any together"),
        ({"not": {"event": "a.b"}, "x": 1}, "x", "unknown key"),
        ({"field": "compny_size", "op": "eq", "value": 1}, "field", "did you mean company_size?"),
        ({"field": "__class__", "op": "is_set"}, "field", "unknown field"),
        ({"field": "attributes", "op": "is_set"}, "field", "unknown field"),
        ({"field": "attributes.", "op": "is_set"}, "field", "unknown field"),
        ({"field": ["email"], "op": "is_set"}, "field", "a name is a text"),
        ({"field": "attributes.a\x00", "op": "is_set"}, "field", "a name is a text"),
        (
            {"all": [{"event": "a.b"}, field_test("company_size", "foo", 1)]},
            "all[1].op",
            "unknown operator 'foo' for a n",
        ),
        (field_test("country", "gt", "x"), "op", "use one of eq, ne, in, not_in, contains"),
        ({"field": "country", "value": "x"}, "op", "no operator for a text"),
        (field_test("country", "eq"), "value", "eq needs a value"),
        (field_test("country", "is_set", 1), "value", "takes no value"),
        (field_test("country", "eq", 5), "value", "give a text, not 5"),
        (field_test("country", "eq", ""), "value", "use is_set or is_not_set"),
        (field_test("country", "eq", "a\x00b"), "value", "cannot be stored"),
        (field_test("country", "eq", "\ud800"), "value", "cannot be stored"),
        (field_test("country", "eq", "x" * 1001), "value", "longer than 1000"),
        (field_test("country", "in", "DE"), "value", "give a list"),
        (field_test("country", "in", []), "value", "at least one value"),
        (field_test("country", "in", ["x"] * 501), "value", "the most is 500"),
        (field_test("company_size", "eq", "5"), "value", "give a number, not '5'"),
        (field_test("company_size", "eq", True), "value", "give a number, not True"),
        (field_test("company_size", "eq", float("nan")), "value", "must lie between"),
        (field_test("company_size", "eq", float("inf")), "value", "must lie between"),
        (field_test("company_size", "eq", 10**400), "value", "must lie between"),
        (field_test("company_size", "between", [5, 1]), "value", "5 is above 1"),
        (field_test("company_size", "between", 5), "value", "give two numbers"),
        (field_test("stage", "eq", "hot"), "value", "use one of cold, mql, sql"),
        (field_test("is_client", "eq", "yes"), "value", "give true or false"),
        (field_test("created_at", "before", "soon"), "value", "give a date like"),
        (field_test("created_at", "before", "2026-02-30"), "value", "give a date like"),
        (field_test("created_at", "before", "2026-01-01T09:00"), "value", "no zone"),
        (field_test("created_at", "after", "0001-01-01"), "value", "1900 and 2999"),
        (field_test("created_at", "within_last", "soon"), "value", "is not a duration"),
        (field_test("attributes.x", "eq", None), "value", "give a text, a number or true/false"),
        (field_test("attributes.x", "in", ["a", 1]), "value", "give a text, not 1"),
        (field_test("attributes.x", "gt", "a"), "value", "give a number"),
        ({"event": "Pricing Viewed"}, "event", "write it like pricing.viewed"),
        ({"event": "a.b", "at_least": 0}, "at_least", "a whole number from 1 to 1000"),
        ({"event": "a.b", "at_least": True}, "at_least", "a whole number"),
        ({"event": "a.b", "at_least": 1, "at_most": 2}, "at_most", "only one of"),
        ({"event": "a.b", "within": "7 days"}, "within", "is not a duration"),
        ({"event": "a.b", "since": "enrollment"}, "since", "no enrollment here"),
        ({"event": "a.b", "since": "ever"}, "since", "the only start"),
        ({"event": "a.b", "where": {}}, "where", "give a list"),
        ({"event": "a.b", "where": [{"field": "x"}]}, "where[0]", "a property test is an object"),
        ({"event": "a.b", "where": [{"property": "x", "op": "near", "value": 1}]}, "where[0].op", "unknown operator"),
        ({"event": "a.b", "limit": 5}, "limit", "unknown key"),
    ],
)
def test_what_is_refused_is_named_with_its_place(data, path, message):
    assert [(one.path, True) for one in validate(data, WORDS) if message in one.message] == [(path, True)]
    with pytest.raises(RuleError, match=r".") as refusal:
        parse(data, WORDS)
    assert message in str(refusal.value)


def test_all_faults_are_told_at_once():
    problems = validate({"any": [field_test("country", "gt", 1), {"not": {"event": "x"}}]}, WORDS)
    assert [problem.path for problem in problems] == ["any[0].op", "any[1].not.event"]


def test_within_and_since_exclude_each_other():
    both = {"event": "a.b", "since": "enrollment", "within": "7d"}
    assert [problem.path for problem in validate(both, WORDS, since_enrollment=True)] == ["since"]


def test_size_and_depth_are_bounded():
    deep: dict = {"event": "a.b"}
    for _ in range(5000):
        deep = {"not": deep}
    assert "nested deeper" in validate(deep, WORDS)[0].message
    wide = {"any": [{"all": [{"event": "a.b"}] * 150}] * 150}
    assert [problem.message for problem in validate(wide, WORDS)] == ["the rule has more than 200 tests"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "all",
                    "any",
                    "not",
                    "field",
                    "op",
                    "value",
                    "event",
                    "where",
                    "property",
                    "within",
                    "since",
                    "version",
                ]
            )
            | st.text(max_size=3),
            inner | st.sampled_from(["country", "company_size", "attributes.x", "eq", "in", "a.b", "7d", "between"]),
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_is_a_rule_or_a_clear_refusal(data):
    problems = validate(data, WORDS)
    if not problems:
        rule = parse(data, WORDS)
        assert parse(rule.data, WORDS) == rule
    assert all(problem.message for problem in problems)


def test_a_rule_is_a_value():
    data = {"all": [field_test("company_size", "gte", 50.0), {"event": "a.b", "within": "1w"}]}
    rule = parse(data, WORDS)
    assert rule == parse(data, WORDS)
    assert hash(rule) == hash(parse(rule.data, WORDS))
    assert rule.data == {
        "version": 1,
        "all": [field_test("company_size", "gte", 50), {"event": "a.b", "at_least": 1, "within": "7d"}],
    }
    assert parse(field_test("attributes.x", "eq", True), WORDS) != parse(field_test("attributes.x", "eq", 1), WORDS)


def test_times_are_normalised_to_utc():
    moment = datetime(2026, 11, 1, 9, tzinfo=timezone(timedelta(hours=1)))
    assert parse(field_test("created_at", "after", moment), WORDS).data["value"] == "2026-11-01T08:00:00Z"
    assert parse(field_test("created_at", "after", "2026-11-01"), WORDS).data["value"] == "2026-11-01T00:00:00Z"


def test_english():
    data = {
        "all": [
            field_test("company_size", "between", [50, 1500]),
            {
                "any": [
                    field_test("stage", "in", ["mql", "sql"]),
                    {
                        "event": "pricing.viewed",
                        "at_least": 3,
                        "within": "7d",
                        "where": [{"property": "plan", "op": "eq", "value": "pro"}],
                    },
                ]
            },
            {"not": field_test("created_at", "older_than", "1d")},
            {"event": "meeting.booked", "exactly": 0, "since": "enrollment"},
        ]
    }
    assert parse(data, WORDS, since_enrollment=True).english() == (
        "Company size is between 50 and 1,500"
        " and (stage is one of mql or sql or pricing viewed with plan is “pro” at least 3 times in the last 7 days)"
        " and not (lead creation is more than 1 day ago)"
        " and meeting booked not once since the enrollment"
    )
    assert parse({}, WORDS).english() == "Everyone"


def test_explain_reads_as_sentences_and_names_what_decided():
    rule = parse(
        {
            "all": [
                field_test("company_size", "gte", 50),
                {"event": "pricing.viewed", "at_least": 3, "within": "7d"},
                {"not": field_test("country", "is_set")},
            ]
        },
        WORDS,
    )
    check = rule.explain(facts(company_size=120, country="", events={"pricing.viewed": seen(*[timedelta(0)] * 2)}), NOW)
    assert list(check.lines()) == [
        "All of these → no",
        "  Company size is at least 50: 120 → yes",
        "  Pricing viewed at least 3 times in the last 7 days: 2 times → no",
        "  None of this → yes",
        "    Country is known: unknown → no",
    ]
    assert [one.text for one in check.decisive()] == ["Pricing viewed at least 3 times in the last 7 days"]
    assert check.data()["parts"][0] == {"check": "Company size is at least 50", "outcome": True, "value": "120"}


def test_needs_are_merged_to_the_widest():
    rules = [
        {"all": [{"event": "a.b", "within": "7d"}, {"event": "a.b", "within": "2d"}, field_test("country", "is_set")]},
        {"any": [{"event": "a.b", "since": "enrollment"}, {"event": "c.d"}, {"event": "c.d", "within": "1d"}]},
        field_test("attributes.plan", "eq", "pro"),
    ]
    each = [parse(rule, WORDS, since_enrollment=True).needs() for rule in rules]
    assert Needs().merge(*each) == Needs(
        fields=frozenset({"country", "attributes.plan"}),
        events=(
            EventNeed("a.b", within=timedelta(days=7)),
            EventNeed("a.b", since_enrollment=True),
            EventNeed("c.d"),
        ),
        time_dependent=True,
    )
    assert not each[2].time_dependent
    assert parse(field_test("created_at", "older_than", "1d"), WORDS).needs().time_dependent


def test_columns_and_facts_follow_the_vocabulary():
    assert WORDS.columns({"email", "attributes.x", "attributes.y"}) == ("attributes", "email_normal")
    assert WORDS.facts({"email_normal": "a@b.c", "attributes": {}}) == {"email": "a@b.c", "attributes": {}}
    more = WORDS.with_fields(Field("mrr", "number", "monthly revenue", "subscription__mrr"))
    assert more.columns({"mrr"}) == ("subscription__mrr",)
    assert WORDS.get("mrr") is None
    with pytest.raises(ValueError, match="registered twice"):
        more.register(Field("mrr", "number", "again", "x"))


@example("\uab70", "\u13a0")  # Cherokee: the capitals are what the small letters fold to
@given(st.text(), st.text())
def test_folding_goes_letter_by_letter(first, second):
    assert len(fold(first)) == len(first)
    assert fold(fold(first)) == fold(first)
    assert fold(first + second) == fold(first) + fold(second)


@pytest.mark.parametrize("text", ["30m", "2h", "7d"])
def test_durations_are_written_as_they_are_read(text):
    assert durations.format(durations.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "written", "words"),
    [("4w", "28d", "28 days"), ("60m", "1h", "1 hour"), ("48h", "2d", "2 days"), ("90m", "90m", "90 minutes")],
)
def test_durations_have_one_shortest_spelling(text, written, words):
    assert durations.format(durations.parse(text)) == written
    assert durations.words(durations.parse(text)) == words


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-1d", "1.5h", "7 d", "7D", "1d12h", "٣d", "0m", "3651d", "99999999m", 7, None]
)
def test_other_spellings_of_durations_are_refused(text):
    with pytest.raises(durations.DurationError):
        durations.parse(text)
