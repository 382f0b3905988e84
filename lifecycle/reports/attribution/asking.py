"""A question as people and programs put it: checked fields, the same for the API, the page and the CSV."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from django import forms
from django.utils.dateparse import parse_datetime

from leads.models import Workspace
from leads.models.lead import AudienceType
from lifecycle.core import money
from lifecycle.reports.attribution.dimensions import DIMENSIONS
from lifecycle.reports.attribution.models import MODELS
from lifecycle.reports.attribution.questions import ASKED, Question, question

ALL = "all"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
LONGEST_LOOKBACK = 3_650


class MomentField(forms.CharField):
    """A day of the workspace's calendar (`ends`: the whole of it belongs to the period), or a time."""

    def __init__(self, *, ends: bool = False, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.ends = ends
        self.zone: tzinfo = UTC

    def clean(self, value: Any) -> datetime | None:
        text: str = super().clean(value)
        if not text:
            return None
        try:
            moment = self._day(text) if _DAY.fullmatch(text) else parse_datetime(text)
        except (ValueError, OverflowError):
            moment = None
        if moment is None or not 1900 <= moment.year < 9990:
            raise forms.ValidationError(
                "Write a day such as 2026-03-01, or a time such as 2026-03-01T12:00:00Z; a + has to be encoded."
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def _day(self, text: str) -> datetime:
        day = date.fromisoformat(text) + timedelta(days=self.ends)
        return datetime.combine(day, datetime.min.time(), tzinfo=self.zone)


def _choice(choices: dict[str, str], usual: str, **kwargs: Any) -> forms.ChoiceField:
    problem = f"“%(value)s” is none of: {', '.join(name for name in choices if name)}."
    return forms.ChoiceField(
        choices=list(choices.items()),
        required=False,
        initial=usual,
        error_messages={"invalid_choice": problem},
        **kwargs,
    )


class Asking(forms.Form):
    """What is left out has its usual value. `question` is valid once `is_valid` is."""

    conversion = _choice(ASKED, "purchase", help_text="What counts.")
    by = _choice({name: each.label for name, each in DIMENSIONS.items()}, "campaign", help_text="What gets the credit.")
    model = _choice(
        {ALL: "All models", **{name: each.label for name, each in MODELS.items()}}, ALL, help_text="How it is shared."
    )
    currency = forms.CharField(
        required=False, help_text="Only amounts in this one: EUR; XXX: what has no amount. Empty: each by itself."
    )
    lookback = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=LONGEST_LOOKBACK,
        help_text="Touches of so many days before the conversion count; 0: all. Empty: as the workspace says.",
    )
    direct = _choice(
        {"count": "Count direct visits", "skip": "Skip direct visits"},
        "count",
        help_text="skip: a visit without any origin gets no credit while the person has another touch.",
    )
    audience_type = _choice({"": "Everybody", **dict(AudienceType.choices)}, "", help_text="Only these people.")
    primary_audience = forms.CharField(required=False, max_length=120, help_text="Only people of this audience.")

    def __init__(self, data: Any = None, *, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.workspace = workspace
        self.fields["from"] = MomentField(help_text="First day, or time, of the conversions.")
        self.fields["to"] = MomentField(ends=True, help_text="Last day, or the time before which they happened.")
        for name in ("from", "to"):
            self.fields[name].zone = workspace.zone  # type: ignore[attr-defined]
        self.order_fields(["conversion", "by", "model", "from", "to"])

    def clean_currency(self) -> str:
        written = self.cleaned_data["currency"].strip().upper()
        code = money.NONE if written == money.NONE else money.read_currency(written)
        if code is None:
            raise forms.ValidationError("Write the three letters of ISO 4217: EUR, USD, GBP.")
        return code

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("from") and given.get("to") and given["from"] >= given["to"]:
            self.add_error("to", "The period ends before it begins.")
        return given

    def question(self) -> Question:
        given = self.cleaned_data
        usual = {name: given[name] or self.fields[name].initial for name in ("conversion", "by", "direct")}
        return question(
            workspace=self.workspace,
            lookback_days=given["lookback"],
            models=tuple(MODELS) if given["model"] in ("", ALL) else (given["model"],),
            since=given["from"],
            until=given["to"],
            currency=given["currency"],
            audience_type=given["audience_type"],
            primary_audience=given["primary_audience"],
            **usual,
        )
