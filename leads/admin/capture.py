"""Forms with the code to embed them, and the table from organisation types to audiences."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import escape
from unfold.decorators import display

from leads.models import Audience, Form, Submission
from lifecycle.core.admin import EditAdmin, code, counted
from lifecycle.core.admin.rule_fields import CodeField

FIELD_KEYS = ("name", "label", "type", "required", "options", "help")


def submissions_url(form: Form) -> str:
    return f"{settings.SITE_URL}/api/v1/forms/{form.slug}/submissions"


def embeddable(form: Form) -> str:
    """Plain HTML that works on any page: no script, the answer is a redirect to the thank-you page."""
    asked = form.fields if any(field.get("name") == "email" for field in form.fields) else [EMAIL, *form.fields]
    lines = [f'<form action="{submissions_url(form)}" method="post">']
    lines += [f"  <label>{escape(field.get('label') or field['name'])} {control(field)}</label>" for field in asked]
    if form.consent_text:
        lines.append(f"  <p>{escape(form.consent_text)}</p>")
    return "\n".join([*lines, '  <button type="submit">Send</button>', "</form>"])


EMAIL: dict[str, Any] = {"name": "email", "label": "Work email", "type": "email", "required": True}


def control(field: dict[str, Any]) -> str:
    """The HTML control of a form's field."""
    name, required = escape(field["name"]), " required" if field.get("required") else ""
    match field.get("type", "text"):
        case "textarea":
            return f'<textarea name="{name}"{required}></textarea>'
        case "select":
            options = "".join(f"<option>{escape(option)}</option>" for option in field.get("options", []))
            return f'<select name="{name}"{required}>{options}</select>'
        case kind:
            return f'<input name="{name}" type="{escape(kind)}"{required}>'


def curl(form: Form) -> str:
    """A post to try it with."""
    return (
        f"curl {submissions_url(form)} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"email": "ana@example.com", "first_name": "Ana", "company": "Example", "utm_source": "curl"}\''
    )


class FieldsField(CodeField):
    """The questions of a form; each fault is named with its place."""

    def prepare_value(self, value: Any) -> str:
        """In the order people write it: the database keeps no order of names."""
        if not isinstance(value, list) or not all(isinstance(field, dict) for field in value):
            return super().prepare_value(value)
        known = [{key: field[key] for key in FIELD_KEYS if key in field} for field in value]
        return super().prepare_value([{**ordered, **field} for ordered, field in zip(known, value, strict=True)])

    def validate(self, value: Any) -> None:
        if not isinstance(value, list):
            raise ValidationError('Write a list: [{"name": "company", "label": "Company"}].')
        faults = [fault for at, field in enumerate(value) for fault in self.faults(field, f"[{at}]")]
        if faults:
            raise ValidationError(faults)

    def faults(self, field: Any, path: str) -> list[str]:
        if not isinstance(field, dict) or not isinstance(field.get("name"), str) or not field["name"].isidentifier():
            return [f"{path}.name: a field needs a name of letters, digits and underscores."]
        unknown = [
            f"{path}.{key}: not known; known are {', '.join(sorted(FIELD_KEYS))}."
            for key in field.keys() - {*FIELD_KEYS}
        ]
        if field.get("type") == "select" and not field.get("options"):
            unknown.append(f"{path}.options: a select needs a list of options.")
        return unknown


class FormForm(forms.ModelForm):  # type: ignore[type-arg]
    fields = FieldsField(  # type: ignore[assignment]
        empty=[], rows=12, label="Fields", help_text="A list of {name, label, type, required, options, help}."
    )
    thank_you = CodeField(empty={}, label="Thank-you page", help_text="{title, body, next_steps: [{label, url}]}")

    class Meta:
        model = Form
        fields = "__all__"  # noqa: DJ007  the admin's fieldsets choose


@admin.register(Form)
class FormAdmin(EditAdmin):
    form = FormForm
    list_display = ["name", "slug", "asks", "submission_count", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["embed", "try_it"]
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "is_active"]}),
        ("What it asks", {"fields": ["fields", "consent_text"]}),
        ("Afterwards", {"fields": ["thank_you", "thank_you_url"]}),
        ("Put it on a page", {"fields": ["embed", "try_it"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Form]":
        return super().get_queryset(request).annotate(sent=counted(Submission.objects.all(), "form"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False if obj and obj.sent else super().has_delete_permission(request, obj)

    @display(description="Asks for")
    def asks(self, form: Form) -> str:
        return ", ".join(str(field.get("name")) for field in form.fields) or "email"

    @display(description="Submissions", ordering="sent")
    def submission_count(self, form: Any) -> str:
        return f"{form.sent:,}"

    @display(description="HTML to paste")
    def embed(self, form: Form) -> str:
        return code(embeddable(form)) if form.pk else "Save the form to get its code."

    @display(description="Try it from a shell")
    def try_it(self, form: Form) -> str:
        return code(curl(form)) if form.pk else "Save the form to get its code."


@admin.register(Audience)
class AudienceAdmin(EditAdmin):
    list_display = ["organization_type", "audience_type", "primary_audience"]
    list_filter = ["audience_type"]
    search_fields = ["organization_type", "primary_audience"]
