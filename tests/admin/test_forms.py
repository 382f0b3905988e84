"""Forms and submissions in the admin: written, previewed, carried away, and read."""

import json
import re
from datetime import timedelta

import pytest
import yaml
from django.urls import reverse

from leads import form_files
from leads.models import Confirmation, Form, Magnet, Submission
from tests import staff
from tests.factories import NOON, FormFactory, LeadFactory

pytestmark = pytest.mark.django_db
FIELDS = [
    {"name": "email", "label": "Email", "type": "email", "required": True},
    {"name": "kind", "label": "You are", "type": "radio", "options": ["Student", {"value": "pro", "label": "At work"}]},
    {"name": "company", "label": "Company <b>", "required": True, "show_if": {"field": "kind", "value": "pro"}},
    {"name": "agree", "label": "Agreed", "type": "checkbox"},
    {"name": "partner", "type": "hidden", "default": "none", "prefill": True},
]
ASKED = {
    "name": "Fit", "slug": "fit", "description": "", "title": "Does it fit?", "intro": "", "button": "Send",
    "consent_text": "", "thank_you": "", "thank_you_url": "", "allowed_origins": "", "min_seconds": "2",
    "is_active": "on",
}  # fmt: skip


def save(**changes: str) -> str:
    asked = ASKED | {"fields": json.dumps(FIELDS)} | changes
    return staff.colleague("marketer").post(reverse("admin:leads_form_add"), asked, follow=True).content.decode()


def test_what_a_marketer_writes_is_what_is_stored() -> None:
    save(double_opt_in="on", allowed_origins="https://www.Acme.com/, http://localhost:8080")
    form = Form.objects.get(slug="fit")
    assert form.fields == FIELDS
    assert form.allowed_origins == ["https://www.acme.com", "http://localhost:8080"]
    assert form.double_opt_in
    page = staff.colleague("marketer").get(reverse("admin:leads_form_change", args=[form.pk])).content.decode()
    for words in (
        "/forms/fit?embed=1",
        "/static/js/embed.js",
        "data-lifecycle-frame",
        "questions_editor",
        "data-show-if",
    ):
        assert words in page


def test_a_new_form_begins_with_no_questions() -> None:
    page = staff.colleague("marketer").get(reverse("admin:leads_form_add")).content.decode()
    assert re.search(r'<textarea[^>]* name="fields"[^>]*>\s*\[\]</textarea>', page)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fields": '[{"name": "a", "label": "A", "pattern": "(a"}]'}, "[0].pattern: At character 3"),
        ({"fields": '[{"name": "a"'}, "Not JSON at line 1"),
        ({"allowed_origins": "https://www.acme.com/page"}, "is no website"),
        ({"allowed_origins": "*"}, "is no website"),
        ({"thank_you": '{"titel": "x"}'}, "next_steps"),
        ({"thank_you": '{"next_steps": [{"label": "x"}]}'}, "next_steps[0]"),
    ],
)
def test_a_mistake_is_named_with_its_place(changes: dict[str, str], says: str) -> None:
    assert says in save(**changes).replace("&quot;", '"')
    assert not Form.objects.exists()


def test_the_preview_draws_what_is_not_saved_and_stores_nothing() -> None:
    form = FormFactory(slug="fit", fields=FIELDS)
    client, url = staff.colleague("marketer"), reverse("admin:leads_form_preview", args=[form.pk])
    unsaved = {"title": "Another <title>", "fields": json.dumps([{"name": "a", "label": "Brand new"}])}
    answer = client.post(url, unsaved)
    page = answer.content.decode()
    assert "Another &lt;title&gt;" in page
    assert "Brand new" in page
    assert "sandbox allow-scripts" in answer["Content-Security-Policy"]
    assert "form-action 'none'" in answer["Content-Security-Policy"]
    assert "[0].label" in client.post(url, {"fields": '[{"name": "a"}]'}).content.decode()
    assert "Not JSON" in client.post(url, {"fields": "["}).content.decode()
    assert client.get(reverse("admin:leads_form_preview", args=[form.pk + 1])).status_code == 404
    form.refresh_from_db()
    assert form.fields == FIELDS
    assert staff.colleague("outsider").get(url).status_code == 302


def test_a_form_that_is_carried_away_comes_back_as_it_was() -> None:
    magnet = Magnet.objects.create(slug="list", name="The list", file="x.pdf", created_at=NOON)
    save(double_opt_in="on", consent_text="A letter.", allowed_origins="https://www.acme.com", min_seconds="5")
    Form.objects.update(magnet=magnet)
    form = Form.objects.get()
    answer = staff.colleague("marketer").get(reverse("admin:leads_form_download", args=[form.pk]))
    assert answer["Content-Disposition"] == 'attachment; filename="form-fit.yaml"'
    before = Form.objects.values().get()
    form.delete()
    assert form_files.load_forms(yaml.safe_load(answer.content)).created == ("fit",)
    assert Form.objects.values().get() | {"id": 0} == before | {"id": 0}


def test_submissions_read_in_words_and_by_what_is_confirmed() -> None:
    form, lead = FormFactory(slug="fit", fields=FIELDS, double_opt_in=True), LeadFactory(email="ada@acme.com")
    data = {"email": "ada@acme.com", "kind": "pro", "company": "<Acme>", "agree": "true", "utm_source": "google"}
    waiting, done, plain = (
        Submission.objects.create(form=form, lead=lead, data=data, body_hash=name, received_at=NOON) for name in "abc"
    )
    Confirmation.objects.create(submission=waiting, lead=lead, requested_at=NOON, mailed_at=NOON)
    Confirmation.objects.create(submission=done, lead=lead, requested_at=NOON, confirmed_at=NOON + timedelta(hours=1))
    client = staff.colleague("marketer")
    page = client.get(reverse("admin:leads_submission_change", args=[waiting.pk])).content.decode()
    for words in ("You are", "At work", "&lt;Acme&gt;", "Yes", "google", "Waiting"):
        assert words in page
    listed = reverse("admin:leads_submission_changelist")
    for value, only in (("waiting", waiting), ("yes", done), ("none", plain)):
        found = client.get(listed, {"confirmed": value}).context["cl"].queryset
        assert [row.pk for row in found] == [only.pk]
    forms = client.get(reverse("admin:leads_form_changelist")).content.decode()
    assert "3 (33% confirmed)" in forms
