"""Forms: what they ask, edited as a list beside a preview, and the code that puts them on a page."""

import json
from typing import Any
from urllib.parse import urlsplit

import yaml
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from leads import form_files, questions
from leads.admin import embedding
from leads.doors import form_page
from leads.forms import OpenForm
from leads.hosting import Given
from leads.models import Confirmation, Form, Submission, Workspace
from leads.questions.definition import CHOICES, TEXTS
from lifecycle.core import clock
from lifecycle.core.admin import EditAdmin, counted
from lifecycle.core.admin.rule_fields import CodeField

KNOWN = {"types": questions.TYPES, "texts": TEXTS, "choices": CHOICES, "keys": questions.KEYS}
PREVIEWED = ("title", "intro", "button", "consent_text")
# The frame of the preview may run our own scripts, and has neither our cookies nor a way to post.
PREVIEW_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
    "sandbox": ["allow-scripts"],
}


class QuestionsWidget(UnfoldAdminTextareaWidget):
    """A box of JSON that static/js/questions_editor.js turns into a list to edit. Without scripts it stays a box."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, {**(attrs or {}), "data-questions": "question-kinds"}, renderer)
        return format_html("{}{}", box, json_script(KNOWN, "question-kinds"))


class FieldsField(CodeField):
    """The questions of a form; each fault is named with its place."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget = QuestionsWidget(attrs={"rows": 20, "spellcheck": "false", "class": "code-box"})

    def prepare_value(self, value: Any) -> str:
        """In the order people write it: the database keeps no order of names."""
        if not isinstance(value, list) or not all(isinstance(field, dict) for field in value):
            return super().prepare_value(value)
        known = [{key: field[key] for key in questions.KEYS if key in field} for field in value]
        return super().prepare_value([{**ordered, **field} for ordered, field in zip(known, value, strict=True)])

    def validate(self, value: Any) -> None:
        if faults := questions.faults(value):
            raise ValidationError(faults)


class FormForm(forms.ModelForm):  # type: ignore[type-arg]
    fields = FieldsField(empty=[], label="Questions")  # type: ignore[assignment]
    thank_you = CodeField(empty={}, label="Thank-you page", help_text="{title, body, next_steps: [{label, url}]}")

    class Meta:
        model = Form
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose
        widgets = {"allowed_origins": UnfoldAdminTextInputWidget}
        help_texts = {
            "allowed_origins": "Websites that may post and frame it, with commas: https://www.example.com. Empty: any "
            "that FORM_ORIGINS allows."
        }

    def clean_allowed_origins(self) -> list[str]:
        """Kept as browsers name websites: scheme, host, port if it is unusual."""
        origins = [str(origin).strip().rstrip("/") for origin in self.cleaned_data["allowed_origins"] if origin]
        for origin in origins:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValidationError(f"“{origin}” is no website; write https://www.example.com, without a path.")
        return list(dict.fromkeys(origin.lower() for origin in origins))

    def clean_thank_you(self) -> dict[str, Any]:
        page = self.cleaned_data["thank_you"]
        steps = page.get("next_steps", []) if isinstance(page, dict) else None
        if steps is None or page.keys() - {"title", "body", "next_steps"} or not isinstance(steps, list):
            raise ValidationError('Write {"title": "…", "body": "…", "next_steps": [{"label": "…", "url": "…"}]}.')
        for at, step in enumerate(steps):
            if not isinstance(step, dict) or set(step) != {"label", "url"}:
                raise ValidationError(f'next_steps[{at}]: write {{"label": "…", "url": "…"}}.')
        return dict(page)


@admin.register(Form)
class FormAdmin(EditAdmin):
    form = FormForm
    list_display = ["name", "slug", "asks", "submission_count", "double_opt_in", "is_active"]
    list_filter = ["is_active", "double_opt_in"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["magnet"]
    readonly_fields = ["hosted", "frame", "embed", "try_it"]
    actions_detail = ["download"]
    change_form_after_template = "admin/leads/form_preview.html"
    fieldsets = [
        (None, {"fields": [("name", "slug"), "description", ("is_active", "double_opt_in")]}),
        ("What it asks", {"fields": ["fields"], "classes": ["blocks-fieldset"]}),
        ("Words around the questions", {"fields": ["title", "intro", "button", "consent_text"]}),
        ("Afterwards", {"fields": ["magnet", "thank_you", "thank_you_url"]}),
        ("Who may send it", {"fields": ["allowed_origins", ("min_seconds", "require_render_time")]}),
        ("Put it on a page", {"fields": ["hosted", "frame", "embed", "try_it"]}),
    ]

    class Media:
        js = ["js/questions_editor.js"]
        css = {"all": ["css/blocks.css"]}

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Form]":
        confirmed = Confirmation.objects.filter(confirmed_at__isnull=False)
        counts = {
            "sent": counted(Submission.objects.all(), "form"),
            "confirmed": counted(confirmed, "submission__form"),
        }
        return super().get_queryset(request).annotate(**counts)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False if obj and obj.sent else super().has_delete_permission(request, obj)

    def get_urls(self) -> list[Any]:
        own = path("<int:pk>/preview/", self.admin_site.admin_view(self.preview), name="leads_form_preview")
        return [own, *super().get_urls()]

    def preview(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the page's boxes hold now (POST), or what is saved (GET), drawn as visitors see it. Stores nothing."""
        form = self.get_object(request, str(pk))
        if form is None or not self.has_view_permission(request, form):
            return previewed("<p>This form is not here any more.</p>", status=404)
        if request.method == "POST":
            for name in PREVIEWED:
                setattr(form, name, request.POST.get(name, getattr(form, name)))
            form.fields, faults = read_questions(request.POST.get("fields", ""))
            if faults:
                return previewed(render_to_string("admin/campaigns/problems.html", {"problems": faults}))
        opened = OpenForm(form, Workspace.load())
        context = {"form": form_page.drawn(opened, Given(), now=clock.now()), "workspace": opened.workspace}
        return previewed(render_to_string("web/form.html", context))

    @action(description="Download as YAML", url_path="yaml", icon="download", permissions=["view"])
    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        form = Form.objects.select_related("magnet").get(pk=object_id)
        text = yaml.safe_dump(form_files.dump_forms([form]), sort_keys=False, allow_unicode=True, width=110)
        headers = {"Content-Disposition": f'attachment; filename="form-{form.slug}.yaml"'}
        return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=headers)

    @display(description="Asks for")
    def asks(self, form: Form) -> str:
        return ", ".join(str(field.get("name")) for field in form.fields) or "email"

    @display(description="Submissions", ordering="sent")
    def submission_count(self, form: Any) -> str:
        if not form.double_opt_in or not form.sent:
            return f"{form.sent:,}"
        return f"{form.sent:,} ({form.confirmed / form.sent:.0%} confirmed)"

    @display(description="Page of its own")
    def hosted(self, form: Form) -> str:
        return embedding.copyable(embedding.hosted_url(form)) if form.pk else UNSAVED

    @display(description="In a frame on your page")
    def frame(self, form: Form) -> str:
        return embedding.copyable(embedding.frame(form)) if form.pk else UNSAVED

    @display(description="HTML to paste")
    def embed(self, form: Form) -> str:
        return embedding.copyable(embedding.plain(OpenForm(form, Workspace.load()))) if form.pk else UNSAVED

    @display(description="Try it from a shell")
    def try_it(self, form: Form) -> str:
        return embedding.copyable(embedding.curl(form)) if form.pk else UNSAVED


UNSAVED = "Save the form to get its code."


def read_questions(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The questions in the box, and what is wrong with them."""
    try:
        fields = json.loads(text or "[]")
    except json.JSONDecodeError as error:
        return [], [f"Not JSON at line {error.lineno}, column {error.colno}: {error.msg}."]
    faults = questions.faults(fields)
    return ([] if faults else fields), faults


def previewed(html: str, *, status: int = 200) -> HttpResponse:
    response = HttpResponse(html, status=status)
    response._csp_config = PREVIEW_POLICY  # type: ignore[attr-defined]
    return response
