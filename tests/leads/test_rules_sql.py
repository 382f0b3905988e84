"""A rule asked in Postgres and asked in Python gives the same answer, whatever the leads, their events and the rule."""

import string
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import OuterRef
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leads.models import Company, Event, Lead
from leads.rule_fields import COLUMNS, VOCABULARY, lead_fields
from lifecycle.core import durations
from lifecycle.core.rules import EventFact, Facts, Rule, parse
from lifecycle.core.rules.operators import OF_TYPE, OPERATORS
from tests.thorough import tries

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STARTED = NOW - timedelta(days=2)
TICK = timedelta(microseconds=1)
SPANS = ("30m", "2h", "7d", "2d")

# Letters whose case folding is a trap, LIKE's wildcards, quotes, and what looks like another type.
NASTY = [
    *("a", "A", "ab", "AbA", "a%", "a_b", "%", "_", "\\", "\\%", "'", '"', "'; DROP TABLE leads_lead; --", "%s", "{}"),
    *("é", "É", "e\u0301", "E\u0301", "ß", "ẞ", "ss", "SS", "İ", "i\u0307", "i", "I", "ı", "k", "K", "\N{KELVIN SIGN}"),
    *("σ", "ς", "Σ", "ΟΔΟΣ", "οδος", "s", "S", "ſ", "ǅ", "ǆ", "Ǆ", "ω", "\N{OHM SIGN}", "Å", "\N{ANGSTROM SIGN}", "å"),
    *(
        "Ж",
        "ж",
        "\N{DESERET CAPITAL LETTER LONG I}",
        "\N{DESERET SMALL LETTER LONG I}",
        "ﬀ",
        "\u1e9b",
        "\ua64a",
        "\u1c88",
    ),
    *(
        " ",
        " a",
        "a ",
        "\n",
        "\t",
        "\u200b",
        "\ufeff",
        "😀",
        "5",
        "5.0",
        "true",
        "null",
        "[]",
        "\x7f",
        "\x01",
        "\ufffd",
    ),
]
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.sampled_from(NASTY) | st.text(st.sampled_from("".join(NASTY)), max_size=4) | st.text(letters, max_size=3)
filled = texts.filter(bool)
numbers = st.sampled_from(
    [0, -0.0, 1, 5, 5.0, -1, 0.1, 0.3, 0.1 + 0.2, 1e-7, 4.999999999999999, 2**31, 10**15, 1e15 - 0.5, -(10**15)]
) | st.integers(-3, 60)
stored_numbers = (
    numbers
    | st.sampled_from([2**53 + 1, 1e22, 1e23, 10**23, 1e308, 5e-324, 10**40])
    | st.floats(allow_nan=False, allow_infinity=False)
)
# What looks like a date and is one, and what only looks so.
DATES = [
    *(
        "2026-11-21",
        "2026-11-21T12:00Z",
        "2026-11-21T12:00:00+00:00",
        "2026-11-21T13:30+01:30",
        "2026-02-28",
        "2024-02-29",
    ),
    *("2026-11-20T23:59:59.999999Z", "2026-11-21T12:00:00.1Z", "1900-01-01T00:00+14:00", "2999-12-31T23:59:59-14:00"),
    *("2026-02-30", "2026-02-29", "2026-13-01", "2026-00-10", "2026-11-31", "1899-12-31", "3000-01-01", "0000-01-01"),
    *("2026-11-21T24:00Z", "2026-11-21T12:60Z", "2026-11-21T12:00:60Z", "2026-11-21T12:00", "2026-11-21T12:00+15:00"),
    *(" 2026-11-21", "2026-11-21 ", "2026-11-21\n", "20261121", "2026-W47-6", "2026-11-21 12:00Z", "2026-11-21t12:00z"),
    *("\uff12026-11-21", "2026-11-21T12Z", "2026-11-21T12:00:00,5Z", "2026-11-21T12:00:00.1234567Z", "-2026-11-21"),
]
EDGES = [timedelta(0), NOW - STARTED, *(durations.parse(span) for span in SPANS)]
moments = st.builds(
    lambda edge, nudge, sign: NOW - sign * edge + nudge * TICK,
    st.sampled_from(EDGES),
    st.sampled_from([-1, 0, 1]),
    st.sampled_from([1, 1, 1, -1]),
)
date_texts = st.sampled_from(DATES) | moments.map(datetime.isoformat)
scalars = st.none() | st.booleans() | stored_numbers | texts | st.just("") | date_texts
json_values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(filled, scalars, max_size=2)
NAMES = ("plan", "0", "a.b", "ключ", "it's", "%", '"', "$.x", " ")
properties = st.dictionaries(st.sampled_from(NAMES), json_values, max_size=4)
KINDS = ("pricing.viewed", "meeting.booked")


def short(strategy: st.SearchStrategy[str], length: int) -> st.SearchStrategy[str]:
    return (strategy | st.just("")).map(lambda text: text[:length])


@st.composite
def leads(draw: st.DrawFn) -> Lead:
    """A lead that was never saved, with every column that a rule can name drawn at random."""
    fit, intent = draw(st.integers(0, 50)), draw(st.integers(0, 50))
    chosen = {
        field.path: draw(st.sampled_from(["", *field.choices]))
        for field in VOCABULARY
        if field.type == "choice" and field.choices
    }
    names = ("first_name", "job_title", "company_name", "country", "industry", "organization_type", "primary_audience")
    return Lead(
        email_domain=draw(st.sampled_from(["acme.com", "bücher.de", "a_b.com"])),
        **chosen,
        **{name: draw(short(texts, 80)) for name in names},
        last_name=draw(short(filled, 20)),
        timezone=draw(st.sampled_from(["", "Europe/Berlin"])),
        form_source=draw(short(texts, 20)),
        demo_status=draw(st.sampled_from(["", "scheduled", "No_Show"])),
        company_size=draw(st.none() | st.integers(0, 60)),
        attributes=draw(properties),
        fit_score=fit,
        intent_score=intent,
        score=fit + intent,
        is_client=draw(st.booleans()),
        demo_booked=draw(st.booleans()),
        stage_since=draw(moments),
        last_human_act_at=draw(st.none() | moments),
        created_at=draw(moments),
        updated_at=NOW,
    )


events = st.builds(
    Event,
    kind=st.sampled_from(KINDS),
    properties=properties,
    occurred_at=moments,
    recorded_at=st.just(NOW),
    source=st.just("test"),
)
people = st.lists(
    st.tuples(leads(), st.integers(0, 2), st.integers(0, 2), st.lists(events, max_size=5)), min_size=1, max_size=4
)


@contextmanager
def saved(drawn: list[tuple[Lead, int, int, list[Event]]]) -> Iterator[None]:
    """The people in the database: none, a bare or a full company, and none, a plain or a nasty owner, for each."""
    with transaction.atomic():
        bare = Company.objects.create(name="Bare", domain="bare.io", created_at=NOW)
        full = Company.objects.create(name="Full", domain="full.io", size=50, industry="Éa%", created_at=NOW)
        owners = [get_user_model().objects.create(username=name) for name in ("Ana", "é_%")]
        for index, (lead, company, owner, happened) in enumerate(drawn):
            lead.pk, lead.company, lead.owner = None, (None, bare, full)[company], (None, *owners)[owner]
            lead.email = lead.email_normal = f"{'aA_%é'[index % 5]}{index}@acme.com"
            lead.address_hash = str(index)
            lead.save(force_insert=True)
            for number, event in enumerate(happened):
                event.pk, event.lead, event.key = None, lead, f"{index}-{number}"
        Event.objects.bulk_create([event for *_, happened in drawn for event in happened])
        try:
            yield
        finally:
            transaction.set_rollback(True)


def value_for(op: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    match OPERATORS[op].takes:
        case "many":
            return st.lists(values, min_size=1, max_size=3)
        case "range":
            return st.lists(numbers, min_size=2, max_size=2).map(sorted)
        case "duration":
            return st.sampled_from(SPANS)
        case "instant":
            return moments
    return values


@st.composite
def comparisons(draw: st.DrawFn, field_type: str, choices: tuple[str, ...] | None = None) -> dict[str, object]:
    op = draw(st.sampled_from(OF_TYPE[field_type]))
    if OPERATORS[op].takes == "nothing":
        return {"op": op}
    values = {
        "text": filled,
        "number": numbers,
        "boolean": st.booleans(),
        "choice": st.sampled_from([choice for choice in choices or () if choice] or ["x"]),
    }
    if field_type == "json":
        fitting = {"contains": "text", "starts_with": "text", "ends_with": "text"}
        ordering = dict.fromkeys(("lt", "lte", "gt", "gte"), "number")
        field_type = (fitting | ordering).get(op) or draw(st.sampled_from(["text", "number", "boolean"]))
    return {"op": op, "value": draw(value_for(op, values.get(field_type, st.nothing())))}


@st.composite
def field_tests(draw: st.DrawFn) -> dict[str, object]:
    names = [field.name for field in VOCABULARY] + [f"attributes.{name}" for name in NAMES] * 2
    field = VOCABULARY.get(draw(st.sampled_from(names)))
    assert field is not None
    return {"field": field.name, **draw(comparisons(field.type, field.choices))}


@st.composite
def event_tests(draw: st.DrawFn) -> dict[str, object]:
    test: dict[str, object] = {"event": draw(st.sampled_from(KINDS))}
    if draw(st.booleans()):
        names = st.sampled_from(NAMES)
        tests = st.builds(lambda name, rest: {"property": name, **rest}, names, comparisons("json"))
        test["where"] = draw(st.lists(tests, max_size=2))
    if word := draw(st.sampled_from(["", "at_least", "at_most", "exactly"])):
        test[word] = draw(st.integers(1 if word == "at_least" else 0, 3))
    return test | draw(st.sampled_from([{}, {"since": "enrollment"}, *({"within": span} for span in SPANS)]))


rules = st.recursive(
    field_tests() | event_tests(),
    lambda inner: (
        st.builds(lambda part: {"not": part}, inner)
        | st.builds(
            lambda word, parts: {word: parts}, st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)
        )
    ),
    max_leaves=5,
)


def in_postgres(rule: Rule) -> set[int]:
    found = list(Lead.objects.filter(rule.q(NOW, Event.objects.all(), since=STARTED)).values_list("pk", flat=True))
    assert len(found) == len(set(found)), "a rule must not multiply rows"
    return set(found)


def known_facts() -> dict[int, Facts]:
    happened: dict[int, dict[str, list[EventFact]]] = defaultdict(lambda: defaultdict(list))
    for event in Event.objects.all():
        happened[event.lead_id][event.kind].append(EventFact(event.occurred_at, event.properties, event.pk))
    rows = Lead.objects.values("pk", *COLUMNS)
    return {row["pk"]: Facts(lead_fields(row), happened[row["pk"]], STARTED) for row in rows}


def in_python(rule: Rule, facts: dict[int, Facts]) -> set[int]:
    return {pk for pk, each in facts.items() if rule.matches(each, NOW)}


@settings(max_examples=tries(60, thoroughly=500), deadline=None, suppress_health_check=list(HealthCheck))
@given(people, st.lists(rules, min_size=1, max_size=8))
def test_postgres_and_python_agree(drawn, wanted):
    with saved(drawn):
        facts = known_facts()
        for data in wanted:
            rule = parse(data, VOCABULARY, since_enrollment=True)
            assert in_postgres(rule) == in_python(rule, facts), rule.english()
            assert all(rule.explain(each, NOW).outcome == rule.matches(each, NOW) for each in facts.values())
            assert parse(rule.data, VOCABULARY, since_enrollment=True) == rule


@settings(max_examples=tries(40, thoroughly=300), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(filled, min_size=1, max_size=25), st.lists(filled, min_size=1, max_size=4))
def test_text_is_compared_alike_letter_by_letter(stored, wanted):
    """The trap at its narrowest: many texts, each operator, as a column and as JSON."""
    with transaction.atomic():
        Lead.objects.bulk_create(
            Lead(
                email_normal=str(index),
                country=text[:80],
                attributes={"plan": text},
                stage_since=NOW,
                created_at=NOW,
                updated_at=NOW,
            )
            for index, text in enumerate([*stored, *wanted])
        )
        facts = known_facts()
        for field in ("country", "attributes.plan"):
            for op in ("eq", "contains", "starts_with", "ends_with"):
                for text in wanted:
                    rule = parse({"field": field, "op": op, "value": text}, VOCABULARY)
                    assert in_postgres(rule) == in_python(rule, facts), rule.english()
            rule = parse({"field": field, "op": "in", "value": wanted}, VOCABULARY)
            assert in_postgres(rule) == in_python(rule, facts), rule.english()
        transaction.set_rollback(True)


@pytest.mark.parametrize("op", OF_TYPE["number"])
@pytest.mark.parametrize("bound", [0, 0.1, 0.5, 50, 50.5, 10**15, -(10**15), 1e15 - 0.5])
def test_whole_columns_meet_broken_and_huge_bounds(op, bound):
    Lead.objects.bulk_create(
        Lead(email_normal=str(size), company_size=size, stage_since=NOW, created_at=NOW, updated_at=NOW)
        for size in (None, 0, 1, 50, 51)
    )
    operands = {"many": [bound, 1], "range": sorted([bound, 50]), "one": bound}
    takes = OPERATORS[op].takes
    data = {"field": "company_size", "op": op} | ({"value": operands[takes]} if takes in operands else {})
    rule = parse(data, VOCABULARY)
    assert in_postgres(rule) == in_python(rule, known_facts())


@pytest.mark.parametrize("op", ["before", "after", "within_last", "within_next", "older_than"])
def test_dates_in_texts_are_read_alike(op):
    Lead.objects.bulk_create(
        Lead(email_normal=str(index), attributes={"due": text}, stage_since=NOW, created_at=NOW, updated_at=NOW)
        for index, text in enumerate([*DATES, None, 20261121, True, ["2026-11-21"], {"2026-11-21": 1}])
    )
    facts = known_facts()
    values = ("30m", "7d", "3650d") if OPERATORS[op].takes == "duration" else ("2026-11-21", "2025-01-01", "2999-12-31")
    for value in values:
        rule = parse({"field": "attributes.due", "op": op, "value": value}, VOCABULARY)
        assert in_postgres(rule) == in_python(rule, facts), rule.english()
    anything = parse({"field": "attributes.due", "op": "after", "value": "1900-01-01"}, VOCABULARY)
    assert len(in_postgres(anything)) == 9, "of the first ten dates all but that of 1899 in UTC"


def test_every_cased_letter_folds_alike():
    """Each letter of Unicode that has a case, against every form of itself."""
    forms = {letter: {letter.lower(), letter.upper(), letter.casefold(), letter.title()} for letter in cased_letters()}
    wanted = [form for letter in forms for form in forms[letter] if len(form) == 1]
    Lead.objects.bulk_create(
        Lead(email_normal=str(index), country=letter, stage_since=NOW, created_at=NOW, updated_at=NOW)
        for index, letter in enumerate([*forms, *string.ascii_letters])
    )
    facts = known_facts()
    for start in range(0, len(wanted), 400):
        rule = parse({"field": "country", "op": "in", "value": wanted[start : start + 400]}, VOCABULARY)
        assert in_postgres(rule) == in_python(rule, facts)


def cased_letters() -> list[str]:
    every = (chr(code) for code in range(0x80, 0x1F000) if not 0xD800 <= code <= 0xDFFF)
    return [letter for letter in every if {letter.lower(), letter.upper(), letter.casefold()} != {letter}]


def test_events_since_a_column_of_the_row():
    lead = Lead.objects.create(email_normal="a", stage_since=STARTED, created_at=NOW, updated_at=NOW)
    goal = parse({"event": "meeting.booked", "since": "enrollment"}, VOCABULARY, since_enrollment=True)

    def reached() -> bool:
        return Lead.objects.filter(goal.q(NOW, Event.objects.all(), since=OuterRef("stage_since"))).exists()

    def book(at: datetime) -> None:
        Event.objects.create(lead=lead, kind="meeting.booked", occurred_at=at, recorded_at=NOW, source="t", key=str(at))

    book(STARTED)
    assert not reached()
    book(STARTED + TICK)
    assert reached()


def test_event_tests_use_the_index_of_the_lead():
    people = Lead.objects.bulk_create(
        Lead(email_normal=str(index), stage_since=NOW, created_at=NOW, updated_at=NOW) for index in range(200)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leads_event (lead_id, kind, occurred_at, properties, recorded_at, source, key, depth)"
            " SELECT lead.id, 'page.viewed' || n %% 10, %s - n * interval '1 hour',"
            " '{}', %s, 't', lead.id || '-' || n, 0"
            " FROM leads_lead lead, generate_series(1, 100) n",
            [NOW, NOW],
        )
        cursor.execute("ANALYZE leads_event, leads_lead")
        # Whether the index can serve is the question here, not what the planner thinks of two hundred rows.
        for other in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material"):
            cursor.execute(f"SET LOCAL enable_{other} = off")
    rule = parse({"event": "page.viewed3", "at_least": 3, "within": "7d"}, VOCABULARY)
    batch = [lead.pk for lead in people[:3]]
    plan = Lead.objects.filter(rule.q(NOW, Event.objects.all())).filter(pk__in=batch).explain()
    seeks = [line for line in plan.splitlines() if "Index Cond: ((lead_id = " in line]
    assert "event_facts_of_lead" in plan
    assert "Seq Scan on leads_event" not in plan
    assert any("page.viewed3" in line and "occurred_at >" in line for line in seeks), plan


def test_a_rule_on_events_needs_the_log():
    with pytest.raises(ValueError, match="events queryset"):
        parse({"event": "a.b"}, VOCABULARY).q(NOW)
