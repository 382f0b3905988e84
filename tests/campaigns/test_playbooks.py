"""What ships, number by number: the defaults that the outside contract names."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest

from campaigns.engine.deciding import Journey, decide
from campaigns.engine.steps import Leave, Notify, Position, Queue
from campaigns.engine.triggers import fires
from campaigns.models import ExclusiveGroup, Sequence, TemplateVersion, Topic
from campaigns.rendering import CompiledTemplate, LinkSlots, render
from campaigns.running import journeys
from campaigns.sending import personal
from campaigns.sending.composing import workspace_context
from leads.batch import EventRow
from leads.models import EventName, Form, Lead, ScoreGroup, ScoreRule, Segment, StageRule, Workspace
from leads.rule_fields import VOCABULARY, lead_fields
from lifecycle.core import rules
from lifecycle.playbooks import loading
from tests.factories import NOON, LeadFactory
from webinars.samples import LINKS, REGISTRATION

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

# Sequence → when each mail leaves, counted from the entry, and what ends it.
TIMING: dict[str, tuple[list[timedelta], list[str]]] = {
    "demo-nurture": (
        [0 * DAY, 7 * DAY, 14 * DAY, 21 * DAY, 28 * DAY, 43 * DAY, 58 * DAY],
        ["meeting.booked", "customer"],
    ),
    "demo-confirmation": ([0 * DAY], ["meeting.canceled", "meeting.no_show"]),
    "demo-canceled": ([0 * DAY], ["meeting.booked", "meeting.rescheduled"]),
    "demo-no-show": (
        [HOUR, 3 * DAY + HOUR],
        ["meeting.booked", "meeting.rescheduled", "meeting.held", "meeting.canceled"],
    ),
    "post-purchase": ([0 * DAY, 5 * DAY, 15 * DAY], ["no customer any more"]),
    "api-deep-dive": ([0 * DAY, 3 * DAY, 7 * DAY], ["purchase.completed"]),
    "cart-recovery": ([HOUR, DAY, 3 * DAY], ["purchase.completed", "checkout.completed"]),
    "rate-limit-help": ([10 * MINUTE], ["plan.upgraded"]),
    "cold-track": ([n * 6 * DAY for n in range(8)], ["meeting.booked", "customer"]),
    "warm-track": ([0 * DAY, 4 * DAY, 8 * DAY, 12 * DAY, 17 * DAY, 21 * DAY], ["meeting.booked", "customer"]),
    "hot-track": ([0 * DAY, 3 * DAY, 7 * DAY], ["meeting.booked", "customer"]),
    "magnet-delivery": ([0 * DAY], []),
    "re-engagement": ([0 * DAY, 7 * DAY, 16 * DAY], ["came back", "customer"]),
    # The first, then at the midnights that are 7 days and 1 day before the date of RENEWS.
    "renewal": (
        [0 * DAY, 22 * DAY + 12 * HOUR, 28 * DAY + 12 * HOUR],
        ["subscription.renewed", "subscription.canceling", "nothing renews", "no client any more"],
    ),
    "dunning": (
        [0 * DAY, 3 * DAY, 7 * DAY],
        ["payment.recovered", "payment.given_up", "subscription.ended", "subscription.lapsed"],
    ),
    "churn-win-back": (
        [1 * DAY, 8 * DAY, 30 * DAY],
        ["subscription.started", "subscription.resumed", "purchase.completed", "customer again"],
    ),
    "upgrade-offer": (
        [0 * DAY, 5 * DAY],
        ["plan.upgraded", "subscription.changed", "no client any more", "not the time to sell"],
    ),
    "double-opt-in": ([0 * DAY], []),
    "webinar-confirmation": ([0 * DAY], ["webinar.canceled", "webinar.registration_canceled"]),
    # Of a webinar two days after the entry.
    "webinar-reminders": (
        [DAY, 2 * DAY - HOUR, 2 * DAY - 10 * MINUTE],
        ["webinar.canceled", "webinar.registration_canceled"],
    ),
    "webinar-moved": ([0 * DAY], ["webinar.canceled", "webinar.registration_canceled"]),
    "webinar-canceled": ([0 * DAY], []),
    "webinar-waiting-list": ([0 * DAY], ["webinar.registered", "webinar.canceled", "webinar.registration_canceled"]),
    "webinar-seat-returned": ([0 * DAY], ["webinar.registered", "webinar.waitlisted"]),
    "webinar-follow-up": ([0 * DAY, 2 * DAY], ["meeting.booked"]),
    "webinar-missed": ([HOUR], ["webinar.attended"]),
    "webinar-recording": ([0 * DAY], []),
}
STARTS = {"event": {"starts_at": (NOON + 2 * DAY).isoformat()}}
# What the event brings to mails whose link is the person's own.
OF_THE_EVENT = {
    "magnet-delivery-1": {"magnet_name": "The guide", "magnet_url": "https://crm.test/c/file"},
    "double-opt-in-1": {"confirm_url": "https://crm.test/c/confirm"},
}
WEBINAR = {**REGISTRATION, "recording_url": "", **{name: f"https://crm.test/c/{name}" for name in LINKS}}
OF_WEBINARS = {
    f"webinar-{mail}": WEBINAR
    for mail in (
        *("confirmation-1", "reminder-1", "reminder-2", "reminder-3", "moved-1", "canceled-1"),
        *("waiting-list-1", "seat-returned-1"),
    )
}
AFTER_WEBINARS = {
    f"webinar-{mail}-1": {**WEBINAR, "recording_url": "https://crm.test/c/recording"}
    for mail in ("follow-up", "missed", "recording")
}
AFTER_WEBINARS["webinar-follow-up-2"] = WEBINAR
ALL_EVENTS = {**OF_THE_EVENT, **OF_WEBINARS, **AFTER_WEBINARS}
FOR_CLIENTS = {"renewal", "upgrade-offer"}
RENEWS = (NOON + 30 * DAY).date().isoformat()
BILLS = {f"{sequence}-{number}" for sequence in ("renewal", "dunning") for number in (1, 2, 3)}
TRANSACTIONAL = {
    "demo-confirmation-1",
    "demo-canceled-1",
    "demo-no-show-1",
    "post-purchase-1",
    *OF_THE_EVENT,
    *OF_WEBINARS,
    *BILLS,
}
GROUP = ["demo-nurture", "hot-track", "warm-track", "cold-track"]
FORMS = ["contact", "newsletter", "api-docs", "webinar", "demo-request", "checklist"]


def journey_of(slug: str) -> Journey:
    sequence = Sequence.objects.get(slug=slug)
    return journeys.load([sequence.current_version_id])[sequence.current_version_id]


def facts_of(lead: Lead, *events: tuple[str, dict[str, Any]], at: datetime = NOON + MINUTE) -> rules.Facts:
    row = dict.fromkeys(VOCABULARY.columns()) | Lead.objects.filter(pk=lead.pk).values().get()
    known: dict[str, list[rules.EventFact]] = {}
    for kind, properties in events:
        known.setdefault(kind, []).append(rules.EventFact(at, properties, len(known)))
    return rules.Facts(lead_fields(row), known, NOON)


def walk(journey: Journey, facts: rules.Facts, lead_id: int = 1) -> Iterator[tuple[timedelta, Any]]:
    """Every effect of a run that nothing disturbs, and when it comes; mails are sent the moment they are queued."""
    now, here = NOON, Position(1, lead_id, journey.first, NOON, False, NOON, NOON, context=STARTS)
    while True:
        *effects, last = decide(journey, here, facts, now)
        yield from ((now - NOON, effect) for effect in effects)
        if isinstance(last, Leave):
            yield now - NOON, last
            return
        now = last.until or now
        here = replace(here, step_key=last.step_key, step_since=last.step_since, is_waiting=True, due_at=now)


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True, attributes={"renewal_date": RENEWS})


def test_the_shipped_names_are_there() -> None:
    assert set(Form.objects.values_list("slug", flat=True)) == set(FORMS)
    assert set(Sequence.objects.values_list("slug", flat=True)) == set(TIMING)
    assert all(sequence.status == "live" for sequence in Sequence.objects.all())
    assert {"hot-leads", "warm-leads", "cold-leads"} <= set(Segment.objects.values_list("slug", flat=True))
    assert Topic.objects.count() == 6


def test_loading_again_changes_nothing() -> None:
    again = loading.load(now=NOON + DAY)
    assert set(again.counts.values()) == {0}
    assert again.sequences == []


@pytest.mark.parametrize("slug", TIMING)
def test_mails_leave_on_their_days(slug: str, ada: Lead) -> None:
    journey = journey_of(slug)
    tier = "dormant" if slug == "re-engagement" else "engaged"
    Lead.objects.filter(pk=ada.pk).update(is_client=slug in FOR_CLIENTS, engagement_tier=tier)
    story = list(walk(journey, facts_of(ada)))
    assert [at for at, effect in story if isinstance(effect, Queue)] == TIMING[slug][0]
    assert story[-1][1].reason == "completed"


@pytest.mark.parametrize("slug", TIMING)
def test_sequences_end_by_what_they_are_for(slug: str) -> None:
    exits = [rule.goal or rule.reason for rule in journey_of(slug).exits]
    assert exits == TIMING[slug][1]


@pytest.mark.parametrize(
    ("slug", "kind", "properties"),
    [
        ("demo-nurture", "form.submitted", {"form": "contact"}),
        ("api-deep-dive", "docs.downloaded", {}),
        ("api-deep-dive", "form.submitted", {"form": "api-docs"}),
        ("cart-recovery", "checkout.abandoned", {}),
        ("rate-limit-help", "api.rate_limited", {}),
        ("post-purchase", "purchase.completed", {}),
        ("dunning", "payment.failed", {}),
        ("re-engagement", "tier.changed", {"before": "quiet", "after": "dormant"}),
        ("churn-win-back", "subscription.lapsed", {}),
        ("renewal", "date.reached", {"field": "attributes.renewal_date", "offset": "-30d"}),
        ("renewal", "date.reached", {"field": "attributes.renewal_date", "offset": "-7d"}),
    ],
)
def test_events_start_their_sequences(slug: str, kind: str, properties: dict[str, Any]) -> None:
    event = EventRow(1, 1, kind, properties, NOON, NOON, "test", 0)
    started = [journey.sequence for journey in journeys.live() if any(fires(t, event) for t in journey.triggers)]
    assert started == [slug]


@pytest.mark.parametrize("track", ["hot", "warm", "cold"])
def test_tracks_start_by_the_segment_of_their_temperature(track: str) -> None:
    assert [trigger.segment for trigger in journey_of(f"{track}-track").triggers] == [f"{track}-leads"]


@pytest.mark.parametrize("slug", TIMING)
def test_re_entry_and_second_triggers(slug: str) -> None:
    expected: dict[str, tuple[str, timedelta | None, str]] = {
        "cart-recovery": ("after", 7 * DAY, "ignore"),
        "rate-limit-help": ("after", 7 * DAY, "ignore"),
        "demo-confirmation": ("after_exit", None, "restart"),
        "demo-canceled": ("after_exit", None, "ignore"),
        "demo-no-show": ("after_exit", None, "ignore"),
        "post-purchase": ("after_exit", None, "merge"),
        "magnet-delivery": ("once_per_key", None, "ignore"),
        "double-opt-in": ("once_per_key", None, "ignore"),
        "renewal": ("after_exit", None, "ignore"),
        "re-engagement": ("after_exit", None, "ignore"),
        "dunning": ("after_exit", None, "merge"),
        "churn-win-back": ("after_exit", None, "ignore"),
        "upgrade-offer": ("after", 90 * DAY, "ignore"),
        "webinar-confirmation": ("after_exit", None, "ignore"),
        "webinar-reminders": ("after_exit", None, "restart"),
        "webinar-moved": ("after_exit", None, "restart"),
        "webinar-canceled": ("once_per_key", None, "ignore"),
        "webinar-waiting-list": ("after_exit", None, "ignore"),
        "webinar-seat-returned": ("after_exit", None, "ignore"),
        "webinar-follow-up": ("once_per_key", None, "parallel"),
        "webinar-missed": ("once_per_key", None, "parallel"),
        "webinar-recording": ("once_per_key", None, "parallel"),
    }
    journey = journey_of(slug)
    found = (journey.reentry, journey.reentry_after, journey.second_trigger)
    assert found == expected.get(slug, ("never", None, "ignore"))


def test_the_exclusive_group_goes_in_its_order() -> None:
    group = ExclusiveGroup.objects.get()
    assert list(group.sequences.order_by("-priority").values_list("slug", flat=True)) == GROUP
    assert len(set(group.sequences.values_list("priority", flat=True))) == 4


@pytest.mark.parametrize("slug", GROUP)
@pytest.mark.parametrize("changes", [{"stage": "customer"}, {"is_client": True}, {"demo_booked": True}])
def test_customers_and_who_booked_are_in_none_of_the_group(slug: str, changes: dict[str, Any]) -> None:
    journey = journey_of(slug)
    assert journey.filters.matches(facts_of(LeadFactory.create()), NOON)
    assert not journey.filters.matches(facts_of(LeadFactory.create(**changes)), NOON)


def test_the_hot_track_tells_the_rep_of_a_click_and_of_who_is_still_hot(ada: Lead) -> None:
    hot = journey_of("hot-track")

    def told(facts: rules.Facts) -> list[tuple[timedelta, str]]:
        return [(at, effect.message) for at, effect in walk(hot, facts) if isinstance(effect, Notify)]

    ((at, message),) = told(facts_of(ada, ("email.clicked", {"human": True})))
    assert at == 9 * DAY
    assert "clicked" in message
    assert told(facts_of(ada, ("email.clicked", {"human": False}))) == []
    Lead.objects.filter(pk=ada.pk).update(temperature="hot")
    ((at, message),) = told(facts_of(ada))
    assert "without a click" in message


def test_the_workspace_starts_with_its_cap_and_thresholds() -> None:
    workspace = Workspace.load()
    assert (workspace.cap_messages, workspace.cap_days) == (5, 7)
    assert (workspace.warm_at, workspace.hot_at, workspace.intent_half_life_days) == (31, 80, 30)


def test_no_send_windows_and_no_calendar_waits_as_shipped() -> None:
    assert not Sequence.objects.filter(current_version__steps__kind="calendar").exists()


def test_score_groups_have_their_caps() -> None:
    found = {group.slug: (group.dimension, group.cap) for group in ScoreGroup.objects.all()}
    assert found == {"company-size": ("fit", 30), "role": ("fit", 25), "engagement": ("intent", 45)}


POINTS = {
    "company-size-50-500": 30,
    "company-size-10-49": 20,
    "company-size-501-plus": 20,
    "company-size-1-9": 5,
    "role-executive-or-head": 25,
    "role-manager": 20,
    "role-individual": 10,
    "pricing-viewed": 10,
    "docs-downloaded": 20,
    "checkout-abandoned": 15,
    "demo-watched": 25,
    "form-submitted": 10,
    "webinar-attended": 15,
    "email-clicked": 5,
    "third-visit": 20,
}


def test_score_rules_have_their_points_and_limits() -> None:
    assert {rule.slug: rule.points for rule in ScoreRule.objects.all()} == POINTS
    limited = ScoreRule.objects.filter(limit_times__isnull=False)
    assert {rule.slug: (rule.limit_times, rule.limit_days) for rule in limited} == {
        "email-clicked": (3, 7),
        "third-visit": (1, 14),
    }


@pytest.mark.parametrize(
    ("size", "expected"),
    [(None, 0), (0, 0), (1, 5), (9, 5), (10, 20), (49, 20), (50, 30), (500, 30), (501, 20), (90_000, 20)],
)
def test_company_sizes_give_their_fit_points(size: int | None, expected: int) -> None:
    facts = facts_of(LeadFactory.create(company_size=size))
    rules_of_size = ScoreRule.objects.filter(group__slug="company-size")
    held = [rule for rule in rules_of_size if rules.parse(rule.condition, VOCABULARY).matches(facts, NOON)]
    assert sum(rule.points for rule in held) == expected
    assert len(held) <= 1


STAGES = {
    "purchased": ("customer", "purchase.completed", {"cold", "mql", "sql", "recycled", "former"}),
    "deal-won": ("customer", "deal.won", {"cold", "mql", "sql", "recycled", "former"}),
    "subscribed": ("customer", "subscription.started", {"cold", "mql", "sql", "recycled", "former"}),
    "subscription-lapsed": ("former", "subscription.lapsed", {"cold", "mql", "sql", "recycled", "customer"}),
    "all-refunded": ("former", "purchase.refunded", {"cold", "mql", "sql", "recycled", "customer"}),
    "refund-failed": ("customer", "purchase.refund_failed", {"former"}),
    "demo-requested": ("sql", "form.submitted", {"cold", "mql", "recycled", "former"}),
    "meeting-booked": ("sql", "meeting.booked", {"cold", "mql", "recycled", "former"}),
    "pricing-watched": ("sql", "pricing.viewed", {"cold", "mql", "recycled", "former"}),
    "hot-mql": ("sql", "", {"mql"}),
    "made-contact": ("mql", "form.submitted", {"cold", "recycled", "former"}),
    "docs-downloaded": ("mql", "docs.downloaded", {"cold", "recycled", "former"}),
    "signed-up": ("mql", "form.submitted", {"cold", "recycled"}),
    "deal-lost": ("recycled", "deal.lost", {"sql"}),
    "silent-sql": ("recycled", "", {"sql"}),
}


def test_stage_rules_are_those_of_the_contract() -> None:
    found = {rule.slug: (rule.to, rule.event_kind, set(rule.from_stages)) for rule in StageRule.objects.all()}
    assert found == STAGES
    assert list(StageRule.objects.filter(swept=True).values_list("slug", flat=True)) == ["silent-sql"]


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ("VIEWED_PRICING", "pricing.viewed"),
        ("Pricing Viewed", "pricing.viewed"),
        ("DOWNLOADED_API_DOCS", "docs.downloaded"),
        ("ABANDONED_CHECKOUT", "checkout.abandoned"),
        ("RATE_LIMITED", "api.rate_limited"),
        ("DEMO_WATCHED", "demo.watched"),
    ],
)
def test_names_of_tracking_clients_map_to_ours(sent: str, kind: str) -> None:
    assert EventName.objects.get(name=sent).kind == kind


def test_every_rule_that_ships_names_things_that_exist() -> None:
    segments = set(Segment.objects.values_list("slug", flat=True))
    forms = set(Form.objects.values_list("slug", flat=True))
    for journey in journeys.live():
        assert {trigger.segment for trigger in journey.triggers if trigger.segment} <= segments
    for version in Sequence.objects.values_list("current_version__triggers", flat=True):
        for trigger in version:
            for test in trigger.get("where", []):
                assert test["property"] != "form" or test["value"] in forms


# --- The mails

BARE = {
    **dict.fromkeys(["first_name", "last_name", "job_title", "country", "primary_audience", "company"], ""),
    "email": "x@example.com",
    "stage": "cold",
    "score": 0,
    "attributes": {},
}
FULL = {
    **BARE,
    "first_name": "Zoë",
    "last_name": "O’Hara-Łuk",
    "company": "Čaj & Söhne <GmbH>",
    "job_title": "Head of Things",
    "country": "Czechia",
    "primary_audience": "Technology",
    "stage": "mql",
    "score": 100,
    "attributes": {"plan": "pro", "seats": 5},
}
HOSTILE = {**BARE, "first_name": "{{7*7}}", "last_name": "<script>alert(1)</script>", "company": "a\r\nBcc: b@c.d"}
PURCHASES: list[list[dict[str, Any]]] = [
    [],
    [{}],
    [{"product": "Pro plan"}],
    [{"products": ["Pro plan", {"name": "Seats"}, {}]}, {"product_name": "Support"}],
    [{"products": None, "product": None, "product_name": ""}],
    [{"products": "Pro plan"}, {"products": []}, {"products": 5}],
]


def shipped_mails() -> list[tuple[str, TemplateVersion]]:
    return [(version.template.slug, version) for version in TemplateVersion.objects.select_related("template")]


@pytest.mark.parametrize("lead", [BARE, FULL, HOSTILE], ids=["bare", "full", "hostile"])
def test_every_mail_renders_for_everybody(lead: dict[str, Any]) -> None:
    workspace = workspace_context(Workspace.load())
    mails = shipped_mails()
    # The warm track tests a second subject, and the weekly mail is six.
    assert len(mails) == sum(len(days) for days, _ in TIMING.values()) + 1 + 6
    for slug, version in mails:
        compiled = CompiledTemplate.from_json(version.compiled)
        slots = LinkSlots(
            [f"https://crm.test/c/{n}" for n in range(len(compiled.links))],
            "https://crm.test/o/1.gif",
            "https://crm.test/u/1",
            "https://crm.test/preferences/1",
        )
        for bought in PURCHASES:
            entry = {**(bought[0] if bought else {}), **ALL_EVENTS.get(slug, {})}
            context = {"lead": lead, "workspace": workspace, "event": entry, "events": bought, "reason": "You asked."}
            context |= personal.samples()
            mail = render(compiled, context, slots)
            assert mail.subject, slug
            assert "\n" not in mail.subject
            for part in (mail.html, mail.text):
                asks = "https://crm.test/c/" in unescape(part) or "/leaving/" in unescape(part)
                assert asks, f"{slug} asks for nothing"
                assert not re.search(r"\bNone\b|\{%|undefined", part), slug
                assert "{{" not in part.replace("{{7*7}}", ""), slug
            assert "<script" not in mail.html
            assert "Your Company, Your Company" not in mail.text, f"{slug} stammers before anybody set the workspace up"
            assert "<GmbH>" not in mail.html
            assert "  ," not in mail.text


def test_marketing_mails_say_who_writes_why_and_how_to_stop_it() -> None:
    for slug, version in shipped_mails():
        compiled = version.compiled
        marketing = version.message_class == "marketing"
        assert marketing == (slug not in TRANSACTIONAL), slug
        assert (version.topic_id is not None) is marketing, slug
        if marketing:
            for part in (compiled["html"], compiled["text"]):
                for needed in ("workspace.postal_address", "unsubscribe_url", "preferences_url", "reason"):
                    assert needed in part, f"{slug} lacks {needed}"


def test_every_mail_has_a_subject_and_a_preheader_of_its_own() -> None:
    subjects = [version.source["subject"] for _, version in shipped_mails()]
    preheaders = [version.source["preheader"] for slug, version in shipped_mails() if slug != "warm-track-1-b"]
    assert len(set(subjects)) == len(subjects)
    assert all(preheaders)
    assert len(set(preheaders)) == len(preheaders)


def test_the_two_mails_of_the_test_differ_in_the_subject_alone() -> None:
    one, other = (
        TemplateVersion.objects.get(template__slug=slug).source for slug in ("warm-track-1", "warm-track-1-b")
    )
    assert one["body"] == other["body"]
    assert one["subject"] != other["subject"]


@pytest.mark.parametrize(
    ("bought", "named"),
    [
        ([{"product": "Pro plan"}], ["Pro plan"]),
        ([{"product_name": "Pro plan"}], ["Pro plan"]),
        ([{"products": ["Pro plan", {"name": "Seats"}]}, {"product": "Support"}], ["Pro plan", "Seats", "Support"]),
        ([{}], ["your purchase"]),
        ([], ["your purchase"]),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_post_purchase_mails_name_everything_bought(
    number: int, bought: list[dict[str, Any]], named: list[str]
) -> None:
    version = TemplateVersion.objects.get(template__slug=f"post-purchase-{number}")
    compiled = CompiledTemplate.from_json(version.compiled)
    context = {
        "lead": FULL,
        "workspace": workspace_context(Workspace.load()),
        "event": bought[0] if bought else {},
        "events": bought,
    }
    text = render(compiled, context, LinkSlots(["https://crm.test/c"] * len(compiled.links))).text
    assert [name for name in named if name not in text] == []
