"""Lengths of time as people write them."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminTextInputWidget

from lifecycle.core import durations


class SpanField(forms.CharField):
    """30m, 2h, 7d."""

    refusal = "Write a length of time like 30m, 2h or 7d."

    @staticmethod
    def read(text: str) -> timedelta:
        return durations.parse(text)

    @staticmethod
    def write(span: timedelta) -> str:
        return durations.format(span)

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", UnfoldAdminTextInputWidget(attrs={"placeholder": "7d", "size": 6}))
        super().__init__(**{"required": False, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return self.write(value) if isinstance(value, timedelta) else value

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or isinstance(value, timedelta):
            return None if value in self.empty_values else value
        try:
            return self.read(str(value).strip())
        except ValueError as error:
            raise ValidationError(self.refusal) from error

    def validate(self, value: Any) -> None:
        forms.Field.validate(self, value)

    def run_validators(self, value: Any) -> None:
        return None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial) != data) and (initial is not None or bool(data))


class OffsetField(SpanField):
    """-1h before, 3d after, 0d at once."""

    refusal = "Write a length of time like 30m, 3d, -1h or 0d."

    @staticmethod
    def read(text: str) -> timedelta:
        return durations.parse_signed(text)

    @staticmethod
    def write(span: timedelta) -> str:
        return durations.format_signed(span)
