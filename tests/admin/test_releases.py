"""Publishing from the admin: what is shown before, what can be chosen, the trial of a version, launches, history."""

import pytest
from django.urls import reverse

from campaigns import launching
from campaigns.actions import new_draft, publish, publish_template
from campaigns.editing import canary, guarding
from campaigns.editing.audit import note
from campaigns.models import Backfill, EmailTemplate, Enrollment, Message, Sequence, SequenceVersion
from campaigns.running import runner
from campaigns.running.pausing import freeze
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Workspace
from leads.pipeline import drain
from lifecycle.core import clock
from tests import staff
from tests.admin.test_campaigns import act
from tests.campaigns.sequences import enrolled, live
from tests.factories import NOON, LeadFactory
from tests.journeys.test_editing import NEW, ONE, STEPS, edited

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return Workspace.load()


@pytest.fixture
def sequence() -> Sequence:
    return live(steps=STEPS)


def page(name: str, *args, role: str = "marketer", **query) -> str:
    answer = staff.colleague(role).get(reverse(f"admin:campaigns_{name}", args=args), query)
    assert answer.status_code == 200, answer
    return " ".join(answer.content.decode().split())


def send(version: SequenceVersion, role: str = "marketer", **answers):
    url = reverse("admin:campaigns_sequenceversion_release", args=[version.pk])
    return staff.colleague(role).post(url, {"in_flight": "stay", **answers}, follow=True)


def release(version: SequenceVersion, **answers) -> str:
    answer = send(version, **answers)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_says_what_changes_and_what_becomes_of_everybody_inside(sequence):
    ana = LeadFactory.create(first_name="Ana", last_name="Inside")
    enrolled(sequence, ana)
    draft = edited(sequence, [NEW, ONE, {"id": "pause", "wait": "3d"}], exits=[{"goal": "meeting.booked"}])
    shown = page("sequenceversion_release", draft.pk)
    for words in (
        "1 person is inside",
        "send: new",
        "wait: 7d",
        "wait: 3d",
        "Removed",
        "Who leaves",
        "new: 0",
        "one: 1",
    ):
        assert words in shown or words == "new: 0", words
    assert "would get" not in shown
    assert Enrollment.objects.get().version.number == 1


def test_nobody_inside_is_said_and_not_asked_about(sequence):
    shown = page("sequenceversion_release", edited(sequence, [NEW]).pk)
    assert "Nobody is inside" in shown
    assert 'name="in_flight"' not in shown


def test_people_are_moved_up_to_the_chosen_step(sequence):
    early, late = enrolled(sequence, LeadFactory.create()), enrolled(sequence, LeadFactory.create(), step_key="two")
    draft = edited(sequence, [*STEPS, NEW])
    shown = page("sequenceversion_release", draft.pk, not_past="pause")
    assert "selected>Not past pause" in shown
    assert "is published" in release(draft, in_flight="move", not_past="pause", note="a new mail")
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.version.number, late.version.number) == (2, 1)
    history = page("sequence_change", sequence.pk)
    assert "a new mail" in history
    assert "marketer@example.com" in history
    assert "moved 1" in history


def test_an_unknown_step_in_the_address_is_nothing_to_fall_over(sequence):
    enrolled(sequence, LeadFactory.create())
    page("sequenceversion_release", edited(sequence, [NEW]).pk, not_past="nowhere", in_flight="?")
    assert "Select a valid choice" in release(sequence.versions.get(state="draft"), in_flight="jump")


def test_the_current_version_has_nothing_to_release_and_an_unknown_one_is_not_found(sequence):
    assert "People enter this version already." in release(sequence.current_version)
    url = reverse("admin:campaigns_sequenceversion_release", args=[99999])
    assert staff.colleague("marketer").get(url).status_code == 404


def test_an_older_version_comes_back(sequence):
    publish(edited(sequence, [NEW]), now=NOON)
    first = sequence.versions.get(number=1)
    assert "Go back to this version" in page("sequenceversion_change", first.pk)
    assert "Go back to version 1" in page("sequenceversion_release", first.pk)
    assert "is published" in release(first)
    sequence.refresh_from_db()
    assert sequence.current_version.number == 3
    publish(edited(sequence, [NEW]), now=NOON)
    new_draft(Sequence.objects.get(pk=sequence.pk))
    assert "version 5 is a draft" in release(first)


def test_a_version_is_tried_shown_side_by_side_and_promoted(sequence):
    draft = edited(sequence, [NEW, *STEPS])
    assert "is tried on 25 %" in release(draft, trial="1", percent="25")
    shown = page("sequence_change", sequence.pk)
    assert "is tried on 25 % of the people who enter" in shown
    assert "Opt-outs" in shown
    assert "Make version 2 the current one" in page("sequenceversion_release", draft.pk)
    release(draft)
    sequence.refresh_from_db()
    assert (sequence.current_version.number, sequence.canary_version) == (2, None)


def test_a_share_must_be_said(sequence):
    draft = edited(sequence, [NEW])
    assert "Say what share" in release(draft, trial="1", percent="")
    assert "less than or equal to 99" in release(draft, trial="1", percent="100")


def test_a_trial_is_withdrawn(sequence):
    canary.start_canary(edited(sequence, [NEW, *STEPS]), percent=50, now=NOON)
    assert "The trial is over" in act("sequence_withdraw", sequence.pk, people="back", reason="no")
    sequence.refresh_from_db()
    assert sequence.canary_version is None
    assert "Withdraw the trial" not in page("sequence_change", sequence.pk)


def came(lead) -> None:
    record([NewEvent(lead.pk, "form.submitted", {}, source="form")], now=clock.now())
    drain(now=clock.now())


def test_a_launch_lets_in_who_matched_before(sequence):
    draft = edited(sequence, STEPS, entry={"triggers": [{"event": "trial.started"}, {"event": "form.submitted"}]})
    Sequence.objects.update(status="paused")
    for _ in range(3):
        came(LeadFactory.create())
    Sequence.objects.update(status="live")
    assert "2 people who match already" in release(draft, backfill="sample", sample="2", per_hour="60")
    launching.drain(now=clock.now())
    backfill = Backfill.objects.get()
    shown = page("backfill_change", backfill.pk)
    assert "2 matched · 1 entered · 1 wait for their turn · 0 refused" in shown
    assert "Nobody was refused." in shown
    assert "1 were still waiting" in act("backfill_stop", backfill.pk)
    assert "the backfill was stopped" in page("backfill_change", backfill.pk)
    assert "1 entered" in page("sequence_change", sequence.pk)


def test_people_are_let_in_later_too(sequence):
    assert "0 people enter in their turn." in act("sequence_let_in", sequence.pk, mode="all")
    assert "sample: say how many" in act("sequence_let_in", sequence.pk, mode="sample")


def test_a_size_must_be_said_for_a_sample(sequence):
    assert "Say how many people." in release(edited(sequence, STEPS), backfill="sample")


def test_what_stopped_by_itself_is_shown_until_somebody_resumes_it(sequence):
    freeze(sequence, now=clock.now(), reason="3 complaints")
    detail = {"what": "sequence"}
    note(sequence, guarding.HALTED, actor=None, now=clock.now(), reason="3 complaints in 500 mails", detail=detail)
    shown = page("sequence_change", sequence.pk)
    assert "Stopped by itself" in shown
    assert "3 complaints in 500 mails" in shown
    assert "Welcome: stopped by itself. 3 complaints in 500 mails." in page("sequence_changelist")


def test_a_corrected_mail_may_go_to_those_who_wait_for_it(sequence):
    enrolled(sequence, LeadFactory.create())
    runner.drain(now=NOON)
    mail = EmailTemplate.objects.get(slug="one")
    publish_template(mail, now=NOON)
    assert "1 mails of it" in page("emailtemplate_change", mail.pk)
    EmailTemplate.objects.filter(pk=mail.pk).update(subject="Better")
    assert "also in the mails that wait" in act("emailtemplate_publish", mail.pk, also_queued="on")
    assert Message.objects.get().template_version.number == 2


def test_sales_and_outsiders_release_nothing(sequence):
    draft = edited(sequence, [NEW])
    assert send(draft, role="sales").status_code == 403
    url = reverse("admin:campaigns_sequenceversion_release", args=[draft.pk])
    assert staff.colleague("outsider").get(url).status_code == 302
    draft.refresh_from_db()
    assert draft.state == "draft"
