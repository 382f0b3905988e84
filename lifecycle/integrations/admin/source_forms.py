"""What is asked of somebody who connects a system: the source, its rules, its secret, and a body to try."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from lifecycle.core.admin.rule_fields import CodeField
from lifecycle.integrations.models import WebhookRule, WebhookSource
from lifecycle.integrations.webhook import meaning, paths, secrets
from lifecycle.integrations.webhook.provider import LONGEST_SLUG


class SecretField(forms.CharField):
    """A secret of the other side; empty where we are to make one."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"})
        super().__init__(required=False, max_length=200, widget=widget, **kwargs)

    def validate(self, value: str) -> None:
        if value and (problem := secrets.fault(value)):
            raise ValidationError(problem)


class SourceForm(forms.ModelForm):  # type: ignore[type-arg]
    given_secret = SecretField(
        label="Their secret",
        help_text="Only if the other system issues one itself (whsec_…). Empty: we make one, shown once after saving.",
    )

    class Meta:
        model = WebhookSource
        fields = ["name", "slug", "kind_path", "is_active"]

    def clean_slug(self) -> str:
        text: str = self.cleaned_data["slug"]
        if len(text) > LONGEST_SLUG:
            raise ValidationError(f"At most {LONGEST_SLUG} characters: events name their source by it.")
        return text

    def clean_kind_path(self) -> str:
        text: str = self.cleaned_data["kind_path"]
        try:
            paths.parse(text)
        except paths.PathError as problem:
            raise ValidationError(str(problem)) from problem
        return text


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    properties = CodeField(
        empty={}, rows=5, label="Properties", help_text='Our property → where it is: {"plan": "data.plan.name"}'
    )
    fields_ = CodeField(
        empty={},
        rows=5,
        label="Fields of the lead",
        help_text='Field → where it is: {"first_name": "data.user.given_name", "attributes.plan": "data.plan.name"}. '
        "What is known of a person is never overwritten.",
    )

    class Meta:
        model = WebhookRule
        exclude = ["fields"]  # noqa: DJ006  a form has `fields` of its own
        help_texts: ClassVar = {"event_kind": "How triggers, exits, scores and segments know it: plan.upgraded"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["fields_"] = self.instance.fields

    def clean(self) -> dict[str, Any]:
        """Every path is read, every name is looked up: what could never work is said here."""
        cleaned: dict[str, Any] = super().clean() or {}
        if {"properties", "fields_", "email_path", "event_kind"} <= cleaned.keys():
            columns = {name: value for name, value in cleaned.items() if name not in ("fields_", "id", "DELETE")}
            rule = WebhookRule(**columns, fields=cleaned["fields_"])
            for name, problems in meaning.check(rule).items():
                for problem in problems:
                    self.add_error("fields_" if name == "fields" else name, problem)
        return cleaned

    def save(self, commit: bool = True) -> Any:
        self.instance.fields = self.cleaned_data["fields_"]
        return super().save(commit)


class TryForm(forms.Form):
    body = forms.CharField(
        max_length=200_000,
        label="The body of a call",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false", "class": "code-box"}),
    )


class ChangeSecretForm(forms.Form):
    given_secret = SecretField(label="Their new secret", help_text="Only if the other system issues it (whsec_…).")
