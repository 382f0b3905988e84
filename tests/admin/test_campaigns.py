"""A marketer's day: draft, preview, publish, pause, stop, carry a sequence away as a file and bring it back."""

import pytest
from django.core import mail
from django.urls import reverse

from campaigns.models import EmailTemplate, Enrollment, Message, Sequence, SequenceVersion, Step, Suppression, Topic
from leads import addresses
from leads.models import Workspace
from tests import staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace() -> Workspace:
    return Workspace.load()


def act(name: str, pk: int, *, role: str = "marketer", **answers) -> str:
    """Press a button of a row's page and confirm its dialog; what the next page says."""
    client = staff.colleague(role)
    answer = client.post(reverse(f"admin:campaigns_{name}", args=[pk]), {"_form_submitted": "on", **answers})
    assert answer.status_code == 200, answer
    return client.get(answer.headers["HX-Redirect"]).content.decode()


def release(sequence: Sequence, **answers) -> tuple[str, str]:
    """Publish the draft by way of its page: what the page shows, and what the next one says."""
    client = staff.colleague("marketer")
    draft = sequence.versions.get(state="draft")
    answer = client.get(reverse("admin:campaigns_sequence_publish", args=[sequence.pk]))
    url = reverse("admin:campaigns_sequenceversion_release", args=[draft.pk])
    assert answer.headers["Location"] == url
    shown = client.get(url).content.decode()
    return shown, client.post(url, {"in_flight": "stay", **answers}, follow=True).content.decode()


# -- mails


def test_a_draft_is_previewed_as_typed_and_nothing_is_stored():
    template = staff.template()
    url = reverse("admin:campaigns_emailtemplate_preview", args=[template.pk])
    typed = {"subject": "Hi {{ lead.first_name }}", "body": staff.BODY, "preheader": "", "format": "mjml"}
    answer = staff.colleague("marketer").post(url, typed)
    assert "Hi Ana" in answer.content.decode()
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert EmailTemplate.objects.get(pk=template.pk).subject == "Hello {{ lead.first_name }}"


def test_a_preview_for_a_real_lead():
    staff.hot_lead(first_name="Zoë<b>")
    url = reverse("admin:campaigns_emailtemplate_preview", args=[staff.template().pk])
    page = staff.colleague("marketer").post(url, {"preview_lead": "hot0@acme.com"}).content.decode()
    assert "Hello Zoë&lt;b&gt;" in page


def test_a_preview_names_the_line_of_a_mistake():
    url = reverse("admin:campaigns_emailtemplate_preview", args=[staff.template().pk])
    body = "<mj-section><mj-column>\n<mj-text>{{ lead.frist_name }}</mj-text></mj-column></mj-section>"
    page = staff.colleague("marketer").post(url, {"body": body}).content.decode()
    assert "body, line 2" in page
    assert "did you mean first_name?" in page


def test_publishing_a_mail_makes_a_version():
    template = staff.template()
    assert "Version 1 is what is sent from now on." in act("emailtemplate_publish", template.pk)
    assert EmailTemplate.objects.get(pk=template.pk).current_version.number == 1


def test_publishing_a_faulty_mail_lists_what_is_wrong():
    template = staff.template(body="<mj-section><mj-column><mj-text>{{ nobody }}</mj-text></mj-column></mj-section>")
    page = act("emailtemplate_publish", template.pk)
    assert "Not published. body, line 1" in page
    assert EmailTemplate.objects.get(pk=template.pk).current_version is None


def test_a_test_mail_goes_to_me_alone():
    assert "on its way to marketer@example.com" in act("emailtemplate_test", staff.template().pk)
    assert [sent.to for sent in mail.outbox] == [["marketer@example.com"]]
    assert mail.outbox[0].subject == "[Test] Hello Ana"


def test_a_marketing_mail_needs_a_topic():
    asked = {"name": "N", "slug": "n", "message_class": "marketing", "format": "mjml", "subject": "s", "body": "b"}
    page = staff.colleague("marketer").post(reverse("admin:campaigns_emailtemplate_add"), asked).content.decode()
    assert "Choose the topic" in page
    assert not EmailTemplate.objects.filter(slug="n").exists()


# -- sequences


def test_editing_makes_one_draft_as_a_copy():
    nurture = staff.sequence()
    act("sequence_edit_draft", nurture.pk)
    act("sequence_edit_draft", nurture.pk)
    draft = SequenceVersion.objects.get(sequence=nurture, state="draft")
    assert [step.key for step in draft.steps.all()] == ["first", "wait-1", "second"]


def test_the_calendar_is_shown():
    page = staff.colleague("marketer").get(reverse("admin:campaigns_sequence_change", args=[staff.sequence().pk]))
    assert "day 0 · 3" in page.content.decode()


def test_a_faulty_draft_is_not_published_and_says_where():
    nurture = staff.sequence()
    act("sequence_edit_draft", nurture.pk)
    Step.objects.filter(version__state="draft", version__sequence=nurture, key="wait-1").update(duration=None)
    shown, answer = release(nurture)
    assert "steps.wait-1.wait" in shown
    assert "Not published. steps.wait-1.wait" in answer
    nurture.refresh_from_db()
    assert nurture.current_version.number == 1


def test_a_sound_draft_is_published_and_then_cannot_be_edited():
    nurture = staff.sequence()
    act("sequence_edit_draft", nurture.pk)
    assert "is published" in release(nurture)[1]
    nurture.refresh_from_db()
    version = nurture.current_version
    assert version.number == 2
    client = staff.colleague("boss")
    for name, row in (("sequenceversion", version), ("step", version.steps.first())):
        assert client.post(reverse(f"admin:campaigns_{name}_change", args=[row.pk]), {}).status_code == 403
        assert client.post(reverse(f"admin:campaigns_{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403


def test_exits_with_a_fault_are_refused_at_their_place():
    nurture = staff.sequence()
    act("sequence_edit_draft", nurture.pk)
    draft = nurture.versions.get(state="draft")
    asked = {"triggers": "[]", "filters": '{"field": "stag", "op": "eq", "value": "x"}', "reentry": "never"}
    asked |= {
        "second_trigger": "ignore",
        "exits": '[{"goal": "Bad Kind"}]',
        "steps-TOTAL_FORMS": 0,
        "steps-INITIAL_FORMS": 0,
    }
    url = reverse("admin:campaigns_sequenceversion_change", args=[draft.pk])
    page = staff.colleague("marketer").post(url, asked).content.decode()
    assert "unknown field" in page
    assert "did you mean stage?" in page
    asked["filters"] = "{}"
    assert "exits[0]" in staff.colleague("marketer").post(url, asked).content.decode()
    asked["exits"] = "[{]"
    assert "Not JSON at line 1, column 3" in staff.colleague("marketer").post(url, asked).content.decode()


def test_an_added_step_comes_last():
    nurture = staff.sequence()
    act("sequence_edit_draft", nurture.pk)
    draft = nurture.versions.get(state="draft")
    client, url = staff.colleague("marketer"), reverse("admin:campaigns_sequenceversion_change", args=[draft.pk])
    asked = {"triggers": "[]", "filters": "{}", "reentry": "never", "second_trigger": "ignore", "exits": "[]"}
    asked |= {"grace": "30m", "holdout_percent": 0}
    asked |= {"steps-TOTAL_FORMS": 4, "steps-INITIAL_FORMS": 3}
    for at, step in enumerate(draft.steps.all()):
        values = {"id": step.pk, "version": draft.pk, "position": step.position, "key": step.key, "kind": step.kind}
        values |= {"template": step.template_id or "", "duration": "3d" if step.duration else "", "journey_stage": ""}
        asked |= {f"steps-{at}-{name}": value for name, value in values.items()}
    added = {"version": draft.pk, "position": 0, "key": "rest", "kind": "wait", "duration": "2h"}
    client.post(url, asked | {f"steps-3-{name}": value for name, value in added.items()})
    assert [step.key for step in draft.steps.all()] == ["first", "wait-1", "second", "rest"]


def test_pause_resume_stop():
    nurture = staff.sequence()
    running = staff.run(staff.hot_lead(), nurture)
    act("sequence_pause", nurture.pk)
    assert Sequence.objects.get(pk=nurture.pk).status == "paused"
    act("sequence_resume", nurture.pk)
    assert Sequence.objects.get(pk=nurture.pk).status == "live"
    assert "Stopped. Everybody inside has left. (1 person)" in act("sequence_stop", nurture.pk)
    running.refresh_from_db()
    assert (running.state, running.exit_reason) == ("ended", "sequence stopped")


@pytest.mark.parametrize("name", ["pause", "stop", "edit_draft"])
def test_a_get_only_asks(name):
    nurture = staff.sequence()
    answer = staff.colleague("marketer").get(reverse(f"admin:campaigns_sequence_{name}", args=[nurture.pk]))
    assert answer.status_code == 200
    nurture.refresh_from_db()
    assert nurture.status == "live"
    assert not nurture.versions.filter(state="draft").exists()


def test_sales_cannot_steer_sequences():
    nurture = staff.sequence()
    answer = staff.colleague("sales").post(
        reverse("admin:campaigns_sequence_stop", args=[nurture.pk]), {"_form_submitted": "on"}
    )
    assert answer.status_code == 403


def test_a_sequence_travels_as_a_file():
    nurture = staff.sequence()
    client = staff.colleague("marketer")
    exported = client.get(reverse("admin:campaigns_sequence_export_yaml", args=[nurture.pk]))
    assert exported.headers["Content-Disposition"] == 'attachment; filename="nurture.yaml"'
    text = exported.content.decode().replace("slug: nurture\n", "slug: copied\n", 1)
    url = reverse("admin:campaigns_sequence_import_yaml")
    answer = client.post(url, {"_form_submitted": "on", "text": text})
    assert "is imported" in client.get(answer.headers["HX-Redirect"]).content.decode()
    assert Sequence.objects.get(slug="copied").versions.first().steps.count() == 3


def test_a_faulty_file_is_refused_in_words():
    client = staff.colleague("marketer")
    url = reverse("admin:campaigns_sequence_import_yaml")
    for text in ("kind: sequence\nversion: 1\n", "{", "- 1"):
        answer = client.post(url, {"_form_submitted": "on", "text": text})
        assert "Not imported." in client.get(answer.headers["HX-Redirect"]).content.decode()


def test_counts_of_the_list():
    nurture = staff.sequence()
    lead = staff.hot_lead()
    staff.run(lead, nurture)
    staff.message(lead, "m:1", sequence=nurture)
    staff.message(lead, "m:2", sequence=nurture, state="failed")
    changes = staff.colleague("marketer").get(reverse("admin:campaigns_sequence_changelist")).context["cl"].result_list
    assert [(row.active_count, row.ended_count, row.sent_count) for row in changes] == [(1, 0, 1)]


# -- runs, messages, addresses


def bulk(model: str, name: str, rows, *, role: str = "marketer", **answers):
    asked = {"action": name, "_selected_action": [row.pk for row in rows], "index": 0, **answers}
    return staff.colleague(role).post(reverse(f"admin:{model}_changelist"), asked, follow=True).content.decode()


def test_people_are_taken_out_with_a_reason():
    running = staff.run(staff.hot_lead(), staff.sequence())
    assert "Take these people out" in bulk("campaigns_enrollment", "exit", [running])
    page = bulk("campaigns_enrollment", "exit", [running], _answered=1, reason="They called")
    assert "1 left their sequence" in page
    assert Enrollment.objects.get(pk=running.pk).exit_reason == "They called"


def test_only_failed_and_unknown_mails_are_sent_again():
    lead = staff.hot_lead()
    rows = [staff.message(lead, f"m:{state}", state=state) for state in ("failed", "unknown", "sent", "suppressed")]
    page = bulk("campaigns_message", "send_again", rows)
    assert "2 will be sent again. 2 had another state" in page
    assert set(Message.objects.filter(state="ready").values_list("key", flat=True)) == {"m:failed", "m:unknown"}


def test_an_address_is_blocked_by_its_hash_alone():
    lead = staff.hot_lead()
    waiting = staff.message(lead, "m:1", state="ready")
    asked = {"email": " HOT0@acme.com ", "scope": "marketing", "topic": "", "reason": "asked by phone"}
    staff.colleague("marketer").post(reverse("admin:campaigns_suppression_add"), asked)
    block = Suppression.objects.get()
    assert block.address_hash == addresses.address_hash("hot0@acme.com", addresses.address_key())
    assert Message.objects.get(pk=waiting.pk).state == "suppressed"
    found = staff.colleague("marketer").get(reverse("admin:campaigns_suppression_changelist"), {"q": "Hot0@acme.com"})
    assert found.context["cl"].result_count == 1


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"email": "nonsense", "scope": "marketing"}, "whole e-mail address"),
        ({"email": "a@b.com", "scope": "topic"}, "Choose a topic"),
        ({"scope": "marketing"}, "required"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(asked, words):
    page = staff.colleague("marketer").post(reverse("admin:campaigns_suppression_add"), {"reason": "x", **asked})
    assert words in page.content.decode()
    assert not Suppression.objects.exists()


def test_only_the_superuser_lifts_a_block_and_confirms_it():
    Topic.objects.get_or_create(slug="tips", name="Tips")
    block = Suppression.objects.create(
        address_hash="h", scope="marketing", reason="unsubscribed", created_at=staff.NOON
    )
    url = reverse("admin:campaigns_suppression_delete", args=[block.pk])
    assert staff.colleague("marketer").post(url, {"post": "yes"}).status_code == 403
    assert staff.colleague("boss").get(url).status_code == 200
    assert Suppression.objects.exists()
    staff.colleague("boss").post(url, {"post": "yes"})
    assert not Suppression.objects.exists()
