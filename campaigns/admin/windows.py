"""The hours in which mails may leave, as a form field: two times, the weekdays, and holidays."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from campaigns.engine import windows

AS_SEQUENCE, AT_ANY_TIME, OWN = "", "any", "own"
MODES = [
    (AS_SEQUENCE, "As the sequence says"),
    (AT_ANY_TIME, "At any time"),
    (OWN, "In these hours:"),
]


ENDS = ("from", "until")


class HourInput(UnfoldAdminTextInputWidget):
    input_type = "time"


class WindowWidget(forms.Widget):
    """`has_own`: for a step, which may also follow its sequence, or have no window at all."""

    def __init__(self, *, has_own: bool = False) -> None:
        super().__init__()
        self.has_own = has_own

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        given = {"from": data.get(f"{name}_from") or "", "until": data.get(f"{name}_until") or ""}
        written: dict[str, Any] = {end: hour for end, hour in given.items() if hour}
        days = [day for day in windows.WEEKDAYS if data.get(f"{name}_{day}")]
        if 0 < len(days) < len(windows.WEEKDAYS):
            written["weekdays"] = days
        if data.get(f"{name}_holidays"):
            written["holidays"] = "skip"
        mode = data.get(f"{name}_mode", "") if self.has_own else OWN
        if mode == OWN:
            return written or ({} if self.has_own else None)
        return {} if mode == AT_ANY_TIME else None

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False  # boxes that are not ticked are not sent

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        shown = value if isinstance(value, dict) else {}
        days = shown.get("weekdays")
        chosen = {str(day).lower() for day in days} if isinstance(days, list) and days else set(windows.WEEKDAYS)
        mode = AS_SEQUENCE if value is None else OWN if shown else AT_ANY_TIME
        hours = {end: HourInput().render(f"{name}_{end}", shown.get(end), {"id": f"id_{name}_{end}"}) for end in ENDS}
        content = {
            **hours,
            "mode": mode,
            "select": self._select(name, mode) if self.has_own else "",
            "days": [
                {"name": day.capitalize(), "tag": UnfoldBooleanWidget().render(f"{name}_{day}", day in chosen)}
                for day in windows.WEEKDAYS
            ],
            "holidays": UnfoldBooleanWidget().render(f"{name}_holidays", shown.get("holidays") == "skip"),
        }
        return render_to_string("admin/campaigns/window.html", content)

    def _select(self, name: str, mode: str) -> str:
        return UnfoldAdminSelectWidget(choices=MODES).render(f"{name}_mode", mode, {"x-model": "mode"})


class WindowField(forms.Field):
    """The JSON of a window. Nothing chosen is no window."""

    def __init__(self, *, has_own: bool = False, **kwargs: Any) -> None:
        super().__init__(required=False, widget=WindowWidget(has_own=has_own), **kwargs)

    def validate(self, value: Any) -> None:
        found = windows.problems(value) if value else []
        if found:
            raise ValidationError([f"{path}: {message}" if path else message for path, message in found])

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(initial != data)
