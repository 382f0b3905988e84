"""A form field for a date and a time by the clock of a zone that the form asks for, too."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSplitDateTimeWidget


class WallClockField(forms.SplitDateTimeField):
    """Gives the naive date and time as written: which moment it is, the zone beside it decides."""

    widget = UnfoldAdminSplitDateTimeWidget

    def compress(self, data_list: Any) -> datetime | None:
        if not data_list:
            return None
        day, time = data_list
        if day in self.empty_values or time in self.empty_values:
            raise ValidationError("Give a date and a time.")
        return datetime.combine(day, time)
