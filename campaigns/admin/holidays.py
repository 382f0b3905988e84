"""Days on which mails of windows that skip holidays rest; a year's are pasted at once."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from campaigns.models import Holiday
from lifecycle.core.admin import EditAdmin

Day = tuple[date, str]


class HolidaysForm(forms.ModelForm):  # type: ignore[type-arg]
    """One day a line, with its name."""

    days = forms.CharField(
        label="Days",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "placeholder": "2026-12-25 Christmas Day"}),
        help_text="One a line: the date, then its name, like “2026-12-25 Christmas Day”. "
        "A day that is there already gets the new name.",
    )

    class Meta:
        model = Holiday
        fields = ["country"]

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).upper()
        if country and not (len(country) == 2 and country.isalpha()):
            raise ValidationError("Write two letters, like DE, or leave it empty for everybody.")
        return country

    def clean_days(self) -> list[Day]:
        lines = [(number, line.strip()) for number, line in enumerate(self.cleaned_data["days"].splitlines(), start=1)]
        return [read(number, line) for number, line in lines if line]

    def validate_constraints(self) -> None:
        """Days that are there already are renamed."""


def read(number: int, line: str) -> Day:
    """A line's day. Raises ValidationError that names the line."""
    text, _, name = line.partition(" ")
    name = name.strip()
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValidationError(f"Line {number}: “{text}” is no date; write it like 2026-12-25.") from error
    if not name or len(name) > 120:
        raise ValidationError(f"Line {number}: write the day's name after the date, in at most 120 letters.")
    return day, name


@admin.register(Holiday)
class HolidayAdmin(EditAdmin):
    list_display = ["day", "name", "where"]
    list_filter = ["country", ("day", RangeDateFilter)]
    search_fields = ["name"]
    ordering = ["day", "country"]
    fields = ["day", "name", "country"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": HolidaysForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["day", "name", "country"] if obj else ["country", "days"]

    def save_model(self, request: HttpRequest, obj: Holiday, form: Any, change: bool) -> None:
        obj.country = obj.country.upper()
        if change:
            super().save_model(request, obj, form, change)
            return
        for day, name in form.cleaned_data["days"]:
            saved, _ = Holiday.objects.update_or_create(day=day, country=obj.country, defaults={"name": name})
            obj.pk, obj.day, obj.name = saved.pk, saved.day, saved.name

    @admin.display(description="For people in", ordering="country")
    def where(self, holiday: Holiday) -> str:
        return holiday.country or "every country"
