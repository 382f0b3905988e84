"""Form fields for a date and a time in the webinar's own zone, and for its survey link."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from leads.models.workspace import check_zone
from lifecycle.core import wall_clock
from webinars.telling import BLANKS

IN_ITS_ZONE = "By the clock of the time zone below."
_ANY_BLANK = re.compile(r"\{([^{}]*)\}")


class WallClockInput(UnfoldAdminTextInputWidget):
    input_type = "datetime-local"


class WallClockLine(forms.Field):
    """The same in one line, as dialogs have little room."""

    widget = WallClockInput

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            return datetime.fromisoformat(str(value)).replace(tzinfo=None)
        except ValueError as error:
            raise ValidationError("Write a date and a time, such as 2026-03-31T17:00.") from error

    def prepare_value(self, value: Any) -> Any:
        return value.isoformat(timespec="minutes") if isinstance(value, datetime) else value


def read_moment(form: forms.Form | forms.ModelForm, field: str, zone: str) -> datetime | None:  # type: ignore[type-arg]
    """The moment that a wall clock field and a zone mean; a problem is put at the field."""
    written = form.cleaned_data.get(field)
    if written is None:
        return None
    try:
        check_zone(zone)
    except ValidationError:
        return None  # said at the zone
    try:
        return wall_clock.moment(written, ZoneInfo(zone))
    except wall_clock.NoSuchTime as error:
        form.add_error(field, str(error))
        return None


def check_survey(url: str) -> None:
    """ValidationError for what is no web address, or has a blank that nothing fills."""
    if not url.startswith(("https://", "http://")):
        raise ValidationError("Begin with https://")
    if unknown := [name for name in _ANY_BLANK.findall(url) if name not in BLANKS]:
        known = ", ".join(f"{{{name}}}" for name in BLANKS)
        raise ValidationError(f"Nothing fills {{{unknown[0]}}}; there are {known}.")
