"""Chapter “Waits” of journeys.md (rules 9, 10 and 11), and rule 15 of “Sending”: each test named after its rule."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from campaigns.actions import PublishRefused
from campaigns.exchange import ImportRefused, export_sequence
from campaigns.models import Enrollment, Holiday, Message
from campaigns.running import runner
from leads.models import Lead, Workspace
from tests.campaigns.sequences import count_queries, live, template
from tests.cast import ADA, World, messages, run_of
from tests.factories import NOON, CompanyFactory, LeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("playbooks")]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONDAY_NOON = NOON
STARTS_AT = NOON + 3 * DAY  # a Thursday at noon
REGISTERED = {"triggers": [{"event": "course.registered"}, {"event": "course.changed"}], "second_trigger": "merge"}
REMINDERS: list[dict[str, Any]] = [
    step
    for offset in ("-1d", "-1h", "-10m")
    for step in (
        {"id": f"until{offset}", "wait": {"date": {"property": "starts_at", "offset": offset}}},
        {"id": f"remind{offset}", "send": f"remind{offset}"},
    )
]
OFFICE = {
    "from": "09:00",
    "until": "17:00",
    "weekdays": ["monday", "tuesday", "wednesday", "thursday", "friday"],
    "holidays": "skip",
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def somebody(world: World, **changes: Any) -> Lead:
    """Ada, known by the form that asks nothing of sequences."""
    return LeadFactory.create(**{"email": ADA["email"], "first_name": "Ada", **changes})


def reminders(**changes: Any) -> None:
    """The series of a webinar, about `starts_at` of the registration or of what changed it since."""
    live("webinar", now=NOON, **{"entry": REGISTERED, "steps": REMINDERS, **changes})


def until(world: World, moment: datetime) -> None:
    """Run the engine at every moment on the way at which something is due, and at `moment` itself."""
    world.run()
    while (due := next_due(world.now)) is not None and due < moment:
        world.set_clock(due)
        world.run()
    world.set_clock(moment)
    world.run()


def next_due(now: datetime) -> datetime | None:
    runs = Enrollment.objects.filter(state="active", due_at__gt=now).values_list("due_at", flat=True)
    mails = Message.objects.filter(state="ready", due_at__gt=now).values_list("due_at", flat=True)
    return min([*runs, *mails], default=None)


def sent_at(lead: Lead) -> dict[str, datetime]:
    return dict(Message.objects.filter(lead=lead, state="sent").values_list("step_key", "sent_at"))


def mail(lead: Lead, step: str) -> Message:
    return Message.objects.get(lead=lead, step_key=step)


# --- Rule 9


def test_rule_09_an_elapsed_day_is_24_hours_and_a_calendar_day_is_the_same_hour(world: World) -> None:
    """“Elapsed waits (after 1 day = 24 h) and calendar waits (next Tuesday 09:00 in the person's zone) are different
    kinds.” Clocks in Berlin go forward on the 29th of March."""
    form = {"triggers": [{"event": "trial.started"}]}
    live("elapsed", entry=form, steps=[{"id": "a-day", "wait": "1d"}, {"id": "mail", "send": "elapsed"}])
    wait = {"calendar": {"weekday": "sunday", "time": "09:30"}}
    live("calendar", entry=form, steps=[{"id": "sunday", "wait": wait}, {"id": "mail", "send": "calendar"}])
    world.set_clock(utc("2026-03-28 08:30"))
    lead = somebody(world, timezone="Europe/Berlin")
    world.tell(lead, "trial.started")
    until(world, utc("2026-03-29 09:00"))
    when = dict(Message.objects.filter(lead=lead).values_list("sequence__slug", "sent_at"))
    assert when["elapsed"] == utc("2026-03-29 08:30")  # 10:30 on the clock
    assert when["calendar"] == utc("2026-03-29 07:30")  # 09:30 on the clock, 23 hours later


def test_rule_09_an_event_that_happened_already_passes_at_once(world: World) -> None:
    """“Wait-until-event has a maximum time and two outcomes; already true passes at once.”"""
    steps = [
        {"id": "later", "wait": "1d"},
        {"id": "used", "wait": {"event": "product.used", "at_most": "3d", "then": "praise", "else": "help"}},
        {"id": "praise", "send": "praise"},
        {"id": "done", "end": True},
        {"id": "help", "send": "help"},
    ]
    live("trial", entry={"triggers": [{"event": "trial.started"}]}, steps=steps)
    quick, slow, never = (somebody(world, email=f"{name}@acme.com") for name in ("quick", "slow", "never"))
    for lead in (quick, slow, never):
        world.tell(lead, "trial.started")
    world.later(hours=1)
    world.tell(quick, "product.used")
    until(world, NOON + 2 * DAY)
    world.tell(slow, "product.used")
    until(world, NOON + 5 * DAY)
    assert [list(sent_at(lead).items()) for lead in (quick, slow, never)] == [
        [("praise", NOON + DAY)],
        [("praise", NOON + 2 * DAY)],
        [("help", NOON + 4 * DAY)],
    ]


def test_rule_09_reminders_follow_the_start_that_moves_and_never_come_after_it(world: World) -> None:
    """“Waits relative to a date (webinar start −1 h, renewal −30 d) are recomputed when the date moves.”"""
    reminders()
    lead = somebody(world)
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    assert run_of(lead, "webinar").due_at == STARTS_AT - DAY
    until(world, STARTS_AT - DAY)
    assert sent_at(lead) == {"remind-1d": STARTS_AT - DAY}

    moved = STARTS_AT + 2 * HOUR
    world.tell(lead, "course.changed", starts_at=moved.isoformat())
    world.run()
    assert run_of(lead, "webinar").due_at == moved - HOUR
    until(world, moved - timedelta(minutes=20))
    assert sent_at(lead) == {"remind-1d": STARTS_AT - DAY, "remind-1h": moved - HOUR}

    # It begins earlier than the last reminder would come: that one is skipped.
    begun = moved - timedelta(minutes=21)
    world.tell(lead, "course.changed", starts_at=begun.isoformat())
    until(world, moved + HOUR)
    assert set(sent_at(lead)) == {"remind-1d", "remind-1h"}
    skipped = mail(lead, "remind-10m")
    assert (skipped.state, skipped.reason) == ("expired", f"late: not worth sending after {begun:%Y-%m-%d %H:%M} UTC")
    assert run_of(lead, "webinar").exit_reason == "completed"


def test_rule_09_a_date_of_the_person_is_followed_too(world: World) -> None:
    """A renewal's date without a time is midnight on the person's clock; 30 days before it, it is midnight too."""
    entry = {"triggers": [{"event": "contract.signed"}]}
    wait = {"date": {"field": "attributes.renewal_date", "offset": "-30d"}}
    live("renewal", entry=entry, steps=[{"id": "until", "wait": wait}, {"id": "mail", "send": "renew"}])
    lead = somebody(world, timezone="Europe/Berlin", attributes={"renewal_date": "2026-04-15"})
    world.tell(lead, "contract.signed")
    world.run()
    assert run_of(lead, "renewal").due_at == utc("2026-03-15 23:00")  # in winter time; the renewal is in summer time
    answer = world.program.patch(f"/api/v1/leads/{lead.pk}", {"attributes": {"renewal_date": "2028-02-29"}}, "json")
    assert answer.status_code == 200, answer.content
    world.run()
    assert run_of(lead, "renewal").due_at == utc("2028-01-29 23:00")


@pytest.mark.parametrize("given", [{}, {"starts_at": "some day"}, {"starts_at": "2027-02-29"}, {"starts_at": 5}])
def test_rule_09_without_a_date_the_run_stays_and_looks_again(world: World, given: dict[str, Any]) -> None:
    """What cannot be read is no reason to send, nor to fail."""
    reminders(steps=REMINDERS[2:4])
    lead = somebody(world)
    world.tell(lead, "course.registered", **given)
    world.run()
    run = run_of(lead, "webinar")
    assert (run.step_key, run.is_waiting, run.due_at) == ("until-1h", True, NOON + DAY)
    world.tell(lead, "course.changed", starts_at=STARTS_AT.isoformat())
    world.run()
    until(world, STARTS_AT)
    assert sent_at(lead) == {"remind-1h": STARTS_AT - HOUR}


def test_rule_09_a_date_that_is_past_passes_at_once(world: World) -> None:
    """Who registers half an hour before the start gets what is still ahead, at once and at its time."""
    reminders()
    lead = somebody(world)
    until(world, STARTS_AT - timedelta(minutes=30))
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    until(world, STARTS_AT)
    when = sent_at(lead)
    assert when["remind-1h"] == STARTS_AT - timedelta(minutes=30)
    assert when["remind-10m"] == STARTS_AT - timedelta(minutes=10)


# --- Rule 10


def test_rule_10_a_delay_counts_from_completion_enrolment_or_a_date(world: World) -> None:
    """“A step's delay counts from the actual completion of the previous step (default) or from the
    anchor/enrolment.”"""
    window = {"from": "15:00", "until": "16:00"}
    steps = [
        {"id": "first", "send": "first", "window": window},  # three hours after the entry
        {"id": "two-hours", "wait": "2h"},
        {"id": "completed", "send": "completed"},
        {"id": "a-day", "wait": {"elapsed": "1d", "from": "enrollment"}},
        {"id": "enrolled", "send": "enrolled"},
        {"id": "after", "wait": {"date": {"property": "starts_at", "offset": "5h"}}},
        {"id": "anchored", "send": "anchored"},
    ]
    live("series", entry=REGISTERED, steps=steps)
    lead = somebody(world)
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    until(world, STARTS_AT + DAY)
    assert sent_at(lead) == {
        "first": NOON + 3 * HOUR,
        "completed": NOON + 5 * HOUR,
        "enrolled": NOON + DAY,
        "anchored": STARTS_AT + 5 * HOUR,
    }


# --- Rule 11


@pytest.fixture
def office() -> None:
    entry = {"triggers": [{"event": "trial.started"}]}
    live("office", entry=entry, steps=[{"id": "mail", "send": "hello"}], window=OFFICE)


def test_rule_11_a_mail_outside_its_window_waits_on_the_persons_clock(world: World, office: None) -> None:
    """“Send windows (hours, weekdays), quiet hours, holidays: apply to this message only.” The zone is the person's,
    else the company's, else the workspace's; the rule and the zone are kept with the mail."""
    world.set_clock(utc("2026-03-06 16:30"))  # a Friday, half past five in Berlin
    berlin = somebody(world, email="b@acme.com", timezone="Europe/Berlin")
    york = somebody(world, email="y@acme.com", company=CompanyFactory.create(time_zone="America/New_York"))
    here = somebody(world, email="h@acme.com")
    for lead in (berlin, york, here):
        world.tell(lead, "trial.started")
    world.run()
    waiting = mail(berlin, "mail")
    assert waiting.state == "ready"
    assert waiting.due_at == utc("2026-03-09 08:00")
    assert waiting.reason == (
        "window: outside 09:00–17:00 Monday to Friday in Europe/Berlin; next opening 2026-03-09 08:00 UTC"
    )
    assert waiting.checks["window"]["zone"] == "Europe/Berlin"
    assert waiting.checks["window"]["from"] == "09:00"
    assert sent_at(york) == sent_at(here) == {"mail": utc("2026-03-06 16:30")}
    world.set_clock(utc("2026-03-09 08:00"))
    world.run()
    assert sent_at(berlin) == {"mail": utc("2026-03-09 08:00")}
    assert mail(berlin, "mail").checks["window"]["until"] == "17:00"


def test_rule_11_a_step_may_have_its_own_window_or_none(world: World) -> None:
    steps = [
        {"id": "any", "send": "any", "window": {}},
        {"id": "night", "send": "night", "window": {"from": "22:00", "until": "06:00"}},
        {"id": "office", "send": "office"},
    ]
    live("mixed", entry={"triggers": [{"event": "trial.started"}]}, steps=steps, window=OFFICE)
    world.set_clock(utc("2026-03-02 19:00"))
    lead = somebody(world)
    world.tell(lead, "trial.started")
    until(world, utc("2026-03-03 12:00"))
    assert sent_at(lead) == {
        "any": utc("2026-03-02 19:00"),
        "night": utc("2026-03-02 22:00"),
        "office": utc("2026-03-03 09:00"),
    }


def test_rule_11_quiet_hours_hold_marketing_of_every_sequence_and_nothing_else(world: World) -> None:
    Workspace.load()
    Workspace.objects.update(quiet_from=time(20), quiet_until=time(8))
    entry = {"triggers": [{"event": "trial.started"}]}
    live("news", entry=entry, steps=[{"id": "news", "send": "news"}])
    receipt = template("receipt", **{"class": "transactional"})
    live("receipts", entry=entry, steps=[{"id": "receipt", "send": "receipt"}], templates=[receipt])
    world.set_clock(utc("2026-03-02 21:00"))
    lead = somebody(world, timezone="Europe/Lisbon")
    world.tell(lead, "trial.started")
    world.run()
    assert sent_at(lead) == {"receipt": utc("2026-03-02 21:00")}
    assert mail(lead, "news").reason == (
        "window: quiet hours 20:00–08:00 in Europe/Lisbon; next opening 2026-03-03 08:00 UTC"
    )
    until(world, utc("2026-03-03 08:00"))
    assert sent_at(lead)["news"] == utc("2026-03-03 08:00")


def test_rule_11_a_holiday_of_the_persons_country_is_no_working_day(world: World, office: None) -> None:
    Holiday.objects.create(day=date(2026, 3, 3), name="A German day", country="DE")
    Holiday.objects.create(day=date(2026, 3, 4), name="Everybody's day")
    world.set_clock(utc("2026-03-03 10:00"))
    anna = somebody(world, email="a@acme.com", country="Germany")
    bob = somebody(world, email="b@acme.com", country="FR")
    for lead in (anna, bob):
        world.tell(lead, "trial.started")
    world.run()
    assert sent_at(bob) == {"mail": utc("2026-03-03 10:00")}
    waiting = mail(anna, "mail")
    assert waiting.due_at == utc("2026-03-05 09:00")
    assert waiting.reason.startswith("window: closed on a holiday, open 09:00–17:00 Monday to Friday in UTC")


def test_rule_11_holidays_are_asked_for_only_where_a_window_skips_them(world: World, office: None) -> None:
    live(
        "any", entry={"triggers": [{"event": "form.submitted"}]}, steps=[{"id": "mail", "send": "hello"}], templates=[]
    )
    asked = {}
    for kind in ("trial.started", "form.submitted"):
        world.tell(somebody(world, email=f"{kind}@acme.com"), kind)
        with count_queries() as counted:
            world.run()
        asked[kind] = sum("campaigns_holiday" in query["sql"] for query in counted.captured_queries)
    assert asked == {"trial.started": 1, "form.submitted": 0}


# --- Rule 15


def test_rule_15_late_mails_are_sent_late_or_skipped_as_their_step_says(world: World) -> None:
    """“Late policy per step: send late · skip when later than T.”"""
    steps = [
        {"id": "wait", "wait": "1d"},
        {"id": "news", "send": "news", "late_after": "2h"},
        {"id": "guide", "send": "guide"},
    ]
    live("series", entry={"triggers": [{"event": "trial.started"}]}, steps=steps)
    lead = somebody(world)
    world.tell(lead, "trial.started")
    world.run()
    world.set_clock(NOON + DAY + 2 * HOUR + timedelta(minutes=1))  # nobody worked for a day
    world.run()
    assert messages(lead) == [
        ("news", "expired", "late: not worth sending after 2026-03-03 14:00 UTC"),
        ("guide", "sent", ""),
    ]


def test_rule_15_in_time_is_in_time(world: World) -> None:
    steps = [{"id": "wait", "wait": "1d"}, {"id": "news", "send": "news", "late_after": "2h"}]
    live("series", entry={"triggers": [{"event": "trial.started"}]}, steps=steps)
    lead = somebody(world)
    world.tell(lead, "trial.started")
    world.run()
    world.set_clock(NOON + DAY + 2 * HOUR)
    world.run()
    assert sent_at(lead) == {"news": NOON + DAY + 2 * HOUR}


def test_rule_15_a_reminder_past_its_start_is_skipped_after_an_outage(world: World) -> None:
    """“A reminder past its event's start is always skipped.” And the run goes on: what comes after the start is for
    everybody."""
    steps = [
        *REMINDERS,
        {"id": "after", "wait": {"date": {"property": "starts_at", "offset": "2h"}}},
        {"id": "recording", "send": "recording"},
    ]
    reminders(steps=steps)
    lead = somebody(world)
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    world.set_clock(STARTS_AT + 3 * HOUR)  # three days without a worker
    world.run()
    late = f"late: not worth sending after {STARTS_AT:%Y-%m-%d %H:%M} UTC"
    assert messages(lead) == [
        ("remind-1d", "expired", late),
        ("remind-1h", "expired", late),
        ("remind-10m", "expired", late),
        ("recording", "sent", ""),
    ]


def test_rule_15_a_mail_that_waits_follows_its_date(world: World) -> None:
    """A reminder held back by its window expires with the new start, earlier or later than it was when queued."""
    late_hours = {"from": "22:00", "until": "23:00"}
    steps = [REMINDERS[2], {**REMINDERS[3], "window": late_hours}]
    reminders(steps=steps)
    earlier, later = somebody(world, email="e@acme.com"), somebody(world, email="l@acme.com")
    for lead in (earlier, later):
        world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    until(world, STARTS_AT - HOUR)
    for lead in (earlier, later):
        assert mail(lead, "remind-1h").state == "ready"  # its window opens only after the start
    new_start = STARTS_AT + timedelta(hours=11, minutes=30)
    world.tell(earlier, "course.changed", starts_at=(STARTS_AT - timedelta(minutes=30)).isoformat())
    world.tell(later, "course.changed", starts_at=new_start.isoformat())
    until(world, new_start)
    assert mail(earlier, "remind-1h").state == "expired"
    assert sent_at(later) == {"remind-1h": new_start - HOUR}  # and inside its window


def test_rule_15_a_reminder_whose_date_is_put_off_waits_for_the_new_one(world: World) -> None:
    reminders(steps=[REMINDERS[2], {**REMINDERS[3], "window": {"from": "11:30", "until": "12:30"}}])
    lead = somebody(world)
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    until(world, STARTS_AT - HOUR)
    put_off = STARTS_AT + DAY
    world.tell(lead, "course.changed", starts_at=put_off.isoformat())
    until(world, STARTS_AT)
    waiting = mail(lead, "remind-1h")
    assert (waiting.state, waiting.due_at) == ("ready", put_off - HOUR)
    assert waiting.reason == f"date: it was put off; not before {put_off - HOUR:%Y-%m-%d %H:%M} UTC"
    until(world, put_off)
    assert sent_at(lead) == {"remind-1h": put_off - timedelta(minutes=30)}


def test_rule_15_a_reminder_that_was_put_off_is_looked_at_when_its_date_comes_sooner_again(world: World) -> None:
    """“moved to sooner again, it is looked at at once”: it does not wait for the date of before, to expire there."""
    reminders(steps=[REMINDERS[2], {**REMINDERS[3], "window": {"from": "11:30", "until": "12:30"}}])
    lead = somebody(world)
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    world.run()
    until(world, STARTS_AT - HOUR)
    for start in (STARTS_AT + 7 * DAY, STARTS_AT + DAY):
        world.tell(lead, "course.changed", starts_at=start.isoformat())
        until(world, world.now + timedelta(minutes=50))
    assert mail(lead, "remind-1h").due_at == STARTS_AT + DAY - HOUR
    until(world, STARTS_AT + DAY)
    assert sent_at(lead) == {"remind-1h": STARTS_AT + DAY - timedelta(minutes=30)}


def test_rule_09_who_comes_late_goes_on_where_the_wait_says(world: World) -> None:
    """“A date already past … goes on at the step that `else` names”; a file says it, and must name one."""
    steps = [
        {"id": "until-day", "wait": {"date": {"property": "starts_at", "offset": "-1d"}, "else": "until-hour"}},
        {"id": "day", "send": "day"},
        {"id": "until-hour", "wait": {"date": {"property": "starts_at", "offset": "-1h"}}},
        {"id": "hour", "send": "hour"},
    ]
    reminders(steps=steps)
    assert "else: until-hour" in export_sequence("webinar")
    with pytest.raises(PublishRefused, match=r"steps\.until-day\.else: there is no step nowhere"):
        reminders(steps=[{**steps[0], "wait": {**steps[0]["wait"], "else": "nowhere"}}, *steps[1:]])
    with pytest.raises(ImportRefused, match=r"steps\.until-day\.wait\.else: name the step"):
        reminders(steps=[{**steps[0], "wait": {**steps[0]["wait"], "else": 5}}, *steps[1:]])
    lead = somebody(world)
    world.set_clock(STARTS_AT - 2 * HOUR)
    world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
    until(world, STARTS_AT)
    assert sent_at(lead) == {"hour": STARTS_AT - HOUR}


def test_rule_15_after_an_outage_nothing_bursts(world: World) -> None:
    """“After an outage nothing bursts”: the next mail is due one delay after the one before really left."""
    steps = [
        {"id": "one", "send": "one"},
        {"id": "w1", "wait": "1d"},
        {"id": "two", "send": "two"},
        {"id": "w2", "wait": "1d"},
        {"id": "three", "send": "three"},
    ]
    live("series", entry={"triggers": [{"event": "trial.started"}]}, steps=steps)
    lead = somebody(world)
    world.tell(lead, "trial.started")
    world.run()
    back = NOON + 10 * DAY
    world.set_clock(back)
    world.run()
    assert set(sent_at(lead)) == {"one", "two"}
    until(world, back + DAY)
    assert sent_at(lead)["three"] == back + DAY


def test_a_tick_that_finds_waits_for_dates_costs_as_many_queries_for_one_as_for_many(world: World) -> None:
    reminders(steps=REMINDERS[:2])
    counts = []
    for crowd in (1, 7):
        for place in range(crowd):
            lead = somebody(world, email=f"{crowd}-{place}@acme.com")
            world.tell(lead, "course.registered", starts_at=STARTS_AT.isoformat())
        Enrollment.objects.update(due_at=NOON)
        with count_queries() as counted:
            runner.advance(now=NOON)
        counts.append(len(counted))
    assert counts[0] == counts[1]
