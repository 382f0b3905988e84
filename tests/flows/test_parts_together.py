"""Where parts meet that know nothing of each other: locks, holds, launches, trials, controls, erasing."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMessage, get_connection
from pytest_django import Settings

from campaigns import launching
from campaigns.broadcasts import control, deciding, testing, watching
from campaigns.editing import audit, canary, guarding
from campaigns.editing.previewing import send_test
from campaigns.experiments import results
from campaigns.models import (
    BackfillEntry,
    Decision,
    Enrollment,
    Experiment,
    MailboxMail,
    Message,
    ProviderEvent,
    RehearsalRun,
    SequenceChange,
)
from campaigns.running import dates, pausing
from leads import actions
from leads.models import Workspace
from lifecycle import instance
from lifecycle.reports import why
from lifecycle.reports.future import future
from lifecycle.reports.planned import next_mails
from tests.campaigns import broadcasting as made
from tests.campaigns.sequences import count_queries, live, people
from tests.campaigns.sequences import template as mail_of
from tests.factories import NOON, CompanyFactory, LeadFactory
from tests.journeys.happening import go_on, happen, send
from tests.journeys.test_editing import edited

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SLOW: list[dict[str, Any]] = [{"id": "pause", "wait": "1d"}, {"id": "hello", "send": "hello"}]


@pytest.fixture
def copied(settings: Settings, tmp_path: Path) -> None:
    """The database belongs to another installation."""
    settings.INSTANCE_ID, settings.INSTANCE_FILE = None, tmp_path / "instance.json"
    Workspace.load()
    instance.mark(NOON)
    Workspace.objects.update(instance_id=uuid.uuid4())


# --- rule 24: nothing leaves a copied database


def test_rule_24_no_mail_of_the_guard_leaves_a_copied_database(copied: None) -> None:
    audit.note(live(), guarding.HALTED, actor=None, now=NOON, reason="4 complaints", detail={"what": "sequence"})
    assert guarding.tell(now=NOON) == 0
    assert django_mail.outbox == []
    Workspace.objects.update(instance_id=instance.look().mine)
    assert guarding.tell(now=NOON) == 1


def test_rule_24_no_test_mail_leaves_a_copied_database(copied: None) -> None:
    news = made.broadcast()
    assert "locked" in send_test(made.mail(), to="mia@example.com", now=NOON)[0]
    done = testing.send_test(news, to=["mia@example.com"], now=NOON)
    assert (done.sent, len(done.problems), django_mail.outbox) == (0, 1, [])


# --- rules 5 and 23: a launch and the end of its sequence


@pytest.mark.parametrize("verb", [pausing.stop, pausing.drain])
def test_rule_23_who_waits_for_a_launch_does_not_enter_when_the_sequence_begins_again(verb: Any) -> None:
    for lead in people(3):
        happen(lead, "form.submitted", at=NOON - DAY)
    sequence = live(steps=SLOW)
    backfill = launching.start(sequence, mode="all", per_hour=1, now=NOON)
    launching.drain(now=NOON)
    verb(sequence, now=NOON)
    assert sorted(backfill.entries.values_list("state", flat=True)) == ["enrolled", "refused", "refused"]
    assert SequenceChange.objects.filter(action="backfill stopped").get().detail == {"left": 2}
    pausing.stop(sequence, now=NOON)
    live(steps=[*SLOW, {"id": "end", "end": True}], now=NOON + DAY)
    assert launching.drain(now=NOON + 2 * DAY) == 0
    assert Enrollment.objects.filter(state="active").count() == 0


def test_rule_25_who_would_have_gone_through_a_launched_sequence_is_told() -> None:
    lead = LeadFactory.create(first_name="Ana")
    happen(lead, "form.submitted", at=NOON - 30 * DAY)
    launching.start(live(steps=SLOW), mode="elapsed", now=NOON)
    launching.drain(now=NOON)
    assert BackfillEntry.objects.get().state == "refused"
    assert Decision.objects.get(lead=lead, about="entry").outcome == "refused"
    assert [line.text for line in why.log_of(lead)] == [
        "Ana did not enter Welcome, after form.submitted: lateness: who entered then would have gone through all of it."
    ]


# --- rules 20 and 21: a trial that becomes the version is another comparison


def compared(**words: Any) -> list[dict[str, Any]]:
    """Two variants, the second with other words perhaps."""
    variants = [{"key": key, "weight": 50, "template": "hello"} for key in "ab"]
    rules = {"goal": "trial.started", "within": "3d", "minimum_sample": 10}
    return [{"id": "hello", "send": {"variants": [variants[0], variants[1] | words]}, "experiment": rules}]


def test_rule_20_a_promoted_trial_with_other_mails_starts_the_comparison_over() -> None:
    sequence = live(steps=compared())
    canary.start_canary(edited(sequence, compared(subject="New words")), percent=50, now=NOON + HOUR)
    assert Experiment.objects.get().started_at == NOON
    canary.promote(sequence, now=NOON + DAY)
    assert Experiment.objects.get().started_at == NOON + DAY


def test_rule_20_mails_of_a_version_on_trial_are_no_part_of_the_comparison() -> None:
    sequence = live(steps=compared())
    canary.start_canary(edited(sequence, compared(subject="New words")), percent=50, now=NOON)
    for lead in people(16):
        happen(lead, "form.submitted")
    go_on(at=NOON)
    send(at=NOON)
    mails = Message.objects.filter(state="sent")
    by_version = [mails.filter(enrollment__version__number=number).count() for number in (1, 2)]
    assert sum(by_version) == 16
    assert all(by_version)
    standing = results.standing(Experiment.objects.get(), now=NOON + HOUR)
    assert sum(arm.people for arm in standing.arms) == by_version[0]


# --- broadcasts on hold


def test_a_mail_in_flight_that_comes_back_is_held_with_its_broadcast() -> None:
    people(2)
    run = made.queued()
    first = run.messages.order_by("pk")[0]
    Message.objects.filter(pk=first.pk).update(state="sending", claimed_at=NOON, attempts=1)
    control.pause(run.broadcast, actor=None, now=NOON)
    Message.objects.filter(pk=first.pk).update(state="ready", reason="retry: the server was busy")
    assert list(run.messages.order_by("pk").values_list("is_held", flat=True)) == [True, True]
    assert control.resume(run.broadcast, actor=None, now=NOON + HOUR) == 2
    assert list(run.messages.values_list("is_held", flat=True)) == [False, False]


def test_a_winner_is_not_chosen_while_the_broadcast_is_paused() -> None:
    people(10)
    run = made.queued(variants={"a": 50, "b": 50}, test_percent=20, test_wait=HOUR)
    control.pause(run.broadcast, actor=None, now=NOON)
    assert deciding.decide(run.pk, key="a", now=NOON) is False
    assert run.messages.filter(is_held=False, state="ready").count() == 0
    control.resume(run.broadcast, actor=None, now=NOON + HOUR)
    assert deciding.decide(run.pk, key="a", now=NOON + HOUR) is True


# --- rules 19 and 27: what is planned for controls


def test_rule_27_no_mail_is_planned_for_somebody_in_the_control_group() -> None:
    mails = [mail_of("hello"), mail_of("receipt", **{"class": "transactional"})]
    steps = [{"id": "a", "wait": "1d"}, {"id": "hello", "send": "hello"}, {"id": "receipt", "send": "receipt"}]
    sequence = live(steps=steps, templates=mails, holdout=50)
    crowd = people(12)
    for lead in crowd:
        happen(lead, "form.submitted")
    control = Enrollment.objects.filter(is_holdout=True).select_related("sequence").first()
    treated = Enrollment.objects.filter(is_holdout=False).select_related("sequence").first()
    assert control is not None
    assert treated is not None
    assert [each.step_key for each in future([treated], now=NOON) if each.what == "mail"] == ["hello", "receipt"]
    assert [each.step_key for each in future([control], now=NOON) if each.what == "mail"] == ["receipt"]
    assert next_mails([treated.lead_id])[treated.lead_id][0].mail == "Hello"
    go_on(at=NOON + DAY)
    assert Message.objects.filter(lead=control.lead, sequence=sequence, is_shadow=True, state="ready").exists()
    assert [each.step_key for each in future([control], now=NOON) if each.what == "mail"] == ["receipt"]
    assert "Hello" not in [planned.mail for planned in next_mails([control.lead_id]).get(control.lead_id, [])]


# --- P8: what other mail says of somebody


def test_p8_mail_to_colleagues_about_somebody_goes_with_them(settings: Settings) -> None:
    ada = LeadFactory.create(email="ada@acme.com", first_name="Ada", last_name="Ashquith")
    mailbox = get_connection("campaigns.sending.delivery.preview.MailboxBackend")
    about = "Ring them: ada@acme.com, " + "they looked at prices again and again, " * 5
    EmailMessage("Ada is hot", about, to=["rep@example.com"], connection=mailbox).send()
    EmailMessage("Ben is hot", "Ring ben@ode.example", to=["rep@example.com"], connection=mailbox).send()
    actions.erase(ada, now=NOON)
    assert list(MailboxMail.objects.values_list("subject", flat=True)) == ["Ben is hot"]


def test_p8_a_rehearsal_forgets_the_days_of_an_erased_person() -> None:
    ada, ben = LeadFactory.create_batch(2)
    told = {"samples": [{"lead": lead.pk, "moments": [[NOON.isoformat(), "enters", ""]]} for lead in (ada, ben)]}
    version = live().current_version
    times = {"since": NOON - DAY, "until": NOON, "asked_at": NOON}
    RehearsalRun.objects.create(version=version, state="done", result=told, **times)
    actions.erase(ada, now=NOON)
    assert [sample["lead"] for sample in RehearsalRun.objects.get().result["samples"]] == [ben.pk]


# --- reliability: a broadcast that is complained of


def test_too_many_complaints_pause_a_broadcast_until_somebody_looked_at_it() -> None:
    crowd = people(520)
    run = made.queued()
    assert watching.watch(now=NOON) == 0
    mails = list(run.messages.order_by("pk"))
    made.settle(run, pk__in=[mail.pk for mail in mails[:510]])
    for mail in mails[500:502]:
        complained(mail)
    with count_queries() as counted:
        assert watching.watch(now=NOON + HOUR) == 1
    assert len(counted) < 20
    run.broadcast.refresh_from_db()
    assert run.broadcast.status == "paused"
    assert "2 complaints in 500 mails (0.4%, limit 0.3%)" in run.broadcast.note
    assert run.messages.filter(state="ready", is_held=True).count() == len(crowd) - 510
    assert [mail.subject for mail in django_mail.outbox] == ["A broadcast was paused: News"]
    assert watching.watch(now=NOON + HOUR) == 0
    assert len(django_mail.outbox) == 1, "told once"
    control.resume(run.broadcast, actor=None, now=NOON + 2 * HOUR)
    assert watching.watch(now=NOON + 3 * HOUR) == 0, "what was looked at does not pause it again"


def complained(mail: Message) -> None:
    facts = {"provider": "Postmark", "key": str(mail.pk), "kind": "complained", "at": NOON}
    ProviderEvent.objects.create(message=mail, address_hash=mail.lead.address_hash, **facts)


# --- zones that were typed by hand


@pytest.mark.parametrize("field", ["attributes.renewal_date", "created_at"])
def test_a_company_in_no_zone_keeps_nobody_from_their_date_nor_from_their_reasons(field: str) -> None:
    Workspace.load()
    live(steps=SLOW, entry={"triggers": [{"date": field}]})
    nowhere = CompanyFactory.create(time_zone="Nowhere/Land")
    dates_of = {"created_at": NOON - HOUR, "attributes": {"renewal_date": "2026-03-02"}, "timezone": ""}
    lost = LeadFactory.create(company=nowhere, first_name="Ana", **dates_of)
    LeadFactory.create(**dates_of)
    assert dates.sweep(now=NOON) == 2
    go_on(at=NOON)
    assert "Ana entered Welcome, after date.reached." in [line.text for line in why.log_of(lost)]


# --- rule 25: each line reads as a sentence, and says of which mail it speaks


def test_rule_25_what_steps_do_is_told_in_words() -> None:
    live("other", steps=SLOW, entry={"triggers": [{"event": "never.happens"}]})
    steps: list[dict[str, Any]] = [
        {"id": "tag", "set": {"field": "attributes.seen", "value": True}},
        {"id": "tell", "notify": {"message": "Have a look"}},
        {"id": "ring", "task": {"title": "Ring them"}},
        {"id": "hook", "webhook": {"url": "https://example.com/hook"}},
        {"id": "on", "enroll": {"sequence": "other"}},
        {"id": "off", "exit": {"sequence": "other"}},
    ]
    live(steps=steps)
    lead = LeadFactory.create(first_name="Ana")
    happen(lead, "form.submitted")
    go_on(at=NOON)
    told = [line.text for line in why.log_of(lead)][::-1]
    assert told[0] == "Ana entered Welcome, after form.submitted."
    for expected in (
        "Welcome set attributes.seen (tag).",
        "Welcome told sales: Have a look (tell).",
        "Welcome asked sales for a task: Ring them (ring).",
        "Welcome calls a webhook (hook).",
        "Welcome proposed Ana for the sequence other (on).",
        "Welcome takes Ana out of the sequence other (off).",
    ):
        assert expected in told


def test_rule_25_who_is_sent_on_to_a_stopped_sequence_did_not_enter_that_one() -> None:
    other = live("other", steps=SLOW, entry={"triggers": [{"event": "never.happens"}]})
    live(steps=[{"id": "on", "enroll": {"sequence": "other"}}, *SLOW])
    pausing.stop(other, now=NOON)
    lead = LeadFactory.create(first_name="Ana")
    happen(lead, "form.submitted")
    go_on(at=NOON)
    told = [line.text for line in why.log_of(lead)]
    assert "Ana did not enter Other: the sequence takes nobody at the moment." in told
    answer = why.mail(lead, sequence="other", now=NOON)
    assert answer.short == "Ana did not enter Other: the sequence takes nobody at the moment."


def test_rule_25_lines_of_a_log_name_their_mail() -> None:
    Workspace.load()
    Workspace.objects.update(cap_messages=1)
    lead = LeadFactory.create(first_name="Ana", timezone="")
    made.queued("news")
    made.queued("offer", template=made.mail("offer"))
    send(at=NOON)
    [line] = [line.text for line in why.log_of(lead)]
    assert line.startswith("“Offer” not sent yet: Ana had 1 marketing mail in 7 days (cap 1); next slot ")


def test_a_test_mail_that_the_server_does_not_take_says_so(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    problems = send_test(made.mail(), to="mia@example.com", now=NOON)
    assert problems[0].startswith("the mail server did not take it:")
