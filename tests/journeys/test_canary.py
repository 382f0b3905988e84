"""Chapter “Editing what is live”, rule 21: a version is tried on a share of the new people, and stops by itself."""

from datetime import timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from django.core import mail as django_mail

from campaigns.actions import PublishRefused, enroll_by_api, publish
from campaigns.consent import provider_events
from campaigns.consent.suppressing import suppress
from campaigns.editing import canary, guarding
from campaigns.editing.preview import preview
from campaigns.models import Enrollment, Message, Sequence, SequenceChange, Suppression
from campaigns.running import journeys, runner
from campaigns.running.pausing import resume
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead
from leads.pipeline import drain as process
from tests.campaigns.sequences import count_queries, live, people
from tests.factories import NOON
from tests.journeys.test_editing import NEW, ONE, STEPS, edited, place

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def tried(percent: int = 30, **changes: Any) -> Sequence:
    """A live sequence whose version 2 is tried on that share."""
    sequence = live(steps=STEPS)
    canary.start_canary(edited(sequence, [NEW, *STEPS], **changes), percent=percent, now=NOON)
    sequence.refresh_from_db()
    return sequence


def entered(sequence: Sequence) -> dict[int, int]:
    rows = Enrollment.objects.filter(sequence=sequence).values_list("version__number", flat=True)
    return {number: list(rows).count(number) for number in (1, 2)}


def form(leads: list[Lead], kind: str = "form.submitted") -> None:
    record([NewEvent(lead.pk, kind, {}, source="form") for lead in leads], now=NOON)
    process(now=NOON)


def sent(count: int, sequence: Sequence) -> list[Message]:
    """So many people entered, and their first mail was sent."""
    form(people(count))
    runner.drain(now=NOON)
    ready = Message.objects.filter(sequence=sequence, state="ready")
    ids = list(ready.order_by("pk").values_list("pk", flat=True))
    ready.update(state="sent", sent_at=NOON, settled_at=NOON, claimed_at=NOON)
    return list(Message.objects.filter(pk__in=ids).order_by("pk"))


def report(kind: str, message: Message, **facts: Any) -> None:
    """The provider tells, as its webhook does."""
    told = {"event_type": kind, "recipient": message.lead.email, "metadata": {"message_key": message.key}}
    event = AnymailTrackingEvent(**told, message_id="x", event_id=f"{kind}{message.pk}", timestamp=NOON, **facts)
    provider_events.store_and_apply(event, provider="Postmark", now=NOON + MINUTE)


def bounced(messages: list[Message]) -> None:
    for message in messages:
        report("bounced", message, reject_reason="bounced")


# --- trying


def test_rule_21_a_canary_takes_its_share_of_the_new_people_and_always_the_same_ones() -> None:
    sequence = tried(30)
    crowd = people(200)
    form(crowd)
    shares = entered(sequence)
    assert shares[1] + shares[2] == 200
    assert 40 <= shares[2] <= 80
    draws = [journeys.entered_by(lead.pk, sequence.pk, journeys.live()).version_id for lead in crowd]  # type: ignore[union-attr]
    order = Enrollment.objects.filter(sequence=sequence).order_by("lead_id").values_list("version_id", flat=True)
    assert list(order) == draws


def test_rule_21_each_version_enters_by_its_own_triggers() -> None:
    entry = {"triggers": [{"event": "trial.started"}]}
    sequence = tried(40, entry=entry)
    crowd = people(60)
    form(crowd, "trial.started")
    assert entered(sequence)[1] == 0
    assert 10 <= entered(sequence)[2] <= 40
    for lead in crowd:
        enroll_by_api("welcome", lead=lead, now=NOON)
    assert sum(entered(sequence).values()) == 60


def test_rule_21_entering_beside_a_canary_costs_no_more_queries() -> None:
    counts = []
    for trying in (False, True):
        sequence = live(f"s{trying}", steps=STEPS, entry={"triggers": [{"event": f"a.{trying}".lower()}]})
        if trying:
            draft = edited(sequence, [NEW, *STEPS], entry={"triggers": [{"event": f"a.{trying}".lower()}]})
            canary.start_canary(draft, percent=50, now=NOON)
        journeys.live()
        record([NewEvent(lead.pk, f"a.{trying}".lower(), {}, source="x") for lead in people(20)], now=NOON)
        with count_queries() as counted:
            process(now=NOON)
        counts.append(len(counted))
    assert counts[0] == counts[1]


def test_rule_21_people_inside_keep_their_version_while_a_canary_is_tried() -> None:
    sequence = live(steps=STEPS)
    crowd = people(30)
    form(crowd)
    canary.start_canary(edited(sequence, [NEW, *STEPS]), percent=99, now=NOON)
    assert entered(sequence) == {1: 30, 2: 0}
    sequence.refresh_from_db()
    assert (sequence.current_version.number, sequence.canary_version.number) == (1, 2)  # type: ignore[union-attr]


def test_rule_21_a_canary_is_promoted_with_a_choice_for_those_inside() -> None:
    sequence = tried(50)
    form(people(20))
    before = entered(sequence)
    shown = preview(sequence.canary_version, in_flight="move", now=NOON)  # type: ignore[arg-type]
    assert (shown.people, shown.problems) == (before[1], [])
    canary.promote(sequence, in_flight="move", now=NOON)
    sequence.refresh_from_db()
    assert (sequence.current_version.number, sequence.canary_version, sequence.canary_percent) == (2, None, 0)  # type: ignore[union-attr]
    assert entered(sequence) == {1: 0, 2: 20}
    assert [journey.takes(1) for journey in journeys.live()] == [True]


@pytest.mark.parametrize(
    ("people_go", "state", "number"), [("back", "active", 1), ("stay", "active", 2), ("exit", "ended", 2)]
)
def test_rule_21_a_canary_is_withdrawn_with_a_choice_for_its_people(people_go: str, state: str, number: int) -> None:
    sequence = tried(99)
    form(people(5))
    runner.drain(now=NOON)
    run = Enrollment.objects.filter(version__number=2).earliest("pk")
    assert place(run) == (2, "active", "new")
    canary.withdraw(sequence, people=people_go, reason="too loud", now=NOON)
    runner.drain(now=NOON)
    assert place(run)[:2] == (number, state)
    if people_go == "back":
        assert place(run)[2] == "one"
        assert Message.objects.get(enrollment=run, step_key="new").state == "canceled"
    if people_go == "exit":
        assert run.exit_reason == "exit: version 2 was withdrawn"
    line = SequenceChange.objects.get(action="canary withdrawn")
    assert (line.reason, line.version.number) == ("too loud", 2)  # type: ignore[union-attr]
    assert len(journeys.live()) == 1


def test_rule_21_what_cannot_be_tried_is_refused() -> None:
    sequence = live(steps=STEPS)
    draft = edited(sequence, [NEW])
    for percent in (0, 100):
        with pytest.raises(PublishRefused, match="percent: between 1 and 99"):
            canary.start_canary(draft, percent=percent, now=NOON)
    canary.start_canary(draft, percent=10, now=NOON)
    sequence.refresh_from_db()
    second = edited(sequence, [ONE])
    for act in (lambda: publish(second, now=NOON), lambda: canary.start_canary(second, percent=10, now=NOON)):
        with pytest.raises(PublishRefused, match="canary: a canary version is being tried: promote or withdraw it"):
            act()
    canary.withdraw(sequence, now=NOON)
    with pytest.raises(PublishRefused, match="no canary version is being tried"):
        canary.promote(sequence, now=NOON)


# --- the watch


def test_rule_21_the_figures_of_both_versions_stand_side_by_side() -> None:
    sequence = tried(50)
    mails = sent(40, sequence)
    of_canary = [mail for mail in mails if mail.step_key == "new"]
    bounced(of_canary[:2])
    report("complained", of_canary[2])
    leaving = of_canary[3].lead
    suppress(leaving.address_hash, scope="marketing", reason="unsubscribed", source="x", now=NOON + MINUTE)
    shown = canary.side_by_side(sequence)["canary"]
    assert shown == canary.Figures(len(of_canary), 0, 2, 1, 1, entered=len(of_canary))
    assert canary.side_by_side(sequence)["current"].bounced == 0


def test_rule_21_a_canary_that_bounces_is_withdrawn_by_itself_and_somebody_is_told() -> None:
    """Automatic halt on bounce, complaint or unsubscribe rate."""
    sequence = tried(90)
    of_canary = [mail for mail in sent(130, sequence) if mail.step_key == "new"]
    assert len(of_canary) >= 100
    enough = -(-len(of_canary) * 8 // 100)
    bounced(of_canary[: enough - 1])
    assert guarding.watch(now=NOON + MINUTE) == 0
    bounced(of_canary[enough - 1 : enough])
    assert guarding.watch(now=NOON + MINUTE) == 1
    sequence.refresh_from_db()
    assert (sequence.status, sequence.canary_version) == ("live", None)
    line = SequenceChange.objects.get(action="halted")
    assert line.reason.startswith(f"{enough} hard bounces in {len(of_canary)} mails")
    assert [one.subject for one in django_mail.outbox] == ["A trial was ended: Welcome"]
    assert guarding.standing(now=NOON + MINUTE) == [line]
    guarding.watch(now=NOON + MINUTE)
    assert len(django_mail.outbox) == 1


def test_rule_21_too_few_mails_judge_nobody() -> None:
    sequence = tried(90)
    bounced([mail for mail in sent(60, sequence) if mail.step_key == "new"])
    assert guarding.watch(now=NOON + MINUTE) == 0


def test_rule_21_opt_outs_end_a_trial_but_do_not_stop_a_sequence() -> None:
    sequence = tried(90)
    mails = sent(130, sequence)
    for message in [mail for mail in mails if mail.step_key == "new"][:5]:
        hashed = message.lead.address_hash
        suppress(hashed, scope="marketing", reason="unsubscribed", source="x", now=NOON + MINUTE)
    assert guarding.watch(now=NOON + MINUTE) == 1
    assert "opt-outs" in SequenceChange.objects.get(action="halted").reason


def test_rule_21_a_sequence_that_is_complained_about_stands_still_until_somebody_resumes_it() -> None:
    """Complaint rate warns at 0.1 %, hard bounces at 5 %: auto-pause at 0.3 % / 8 % with an alert."""
    sequence = live(steps=STEPS)
    mails = sent(510, sequence)
    report("complained", mails[-1])
    assert guarding.watch(now=NOON + MINUTE) == 0
    assert SequenceChange.objects.get(action="warned").reason == "1 complaints in 500 mails (0.2%, limit 0.1%)"
    report("complained", mails[-2])
    assert guarding.watch(now=NOON + MINUTE) == 1
    sequence.refresh_from_db()
    assert sequence.status == "frozen"
    assert Suppression.objects.count() == 2
    subjects = [one.subject for one in django_mail.outbox]
    assert subjects == ["Close to being stopped: Welcome", "A sequence was stopped: Welcome"]
    assert [line.sequence for line in guarding.standing(now=NOON + DAY)] == [sequence]


def test_rule_21_who_resumes_has_looked_at_the_mails_before() -> None:
    sequence = live(steps=STEPS)
    mails = sent(510, sequence)
    for message in mails[-2:]:
        report("complained", message)
    assert guarding.watch(now=NOON + MINUTE) == 1
    resume(sequence, now=NOON + 2 * MINUTE)
    assert guarding.watch(now=NOON + 3 * MINUTE) == 0
    assert guarding.standing(now=NOON + DAY) == []
