"""The form of a webinar. Once it is open, its time changes by a dialog that says who is told."""

import re
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from lifecycle.core import wall_clock
from lifecycle.core.admin import WallClockField
from webinars.admin.fields import IN_ITS_ZONE, check_survey, read_moment
from webinars.models import Webinar

_ZOOM_ID = re.compile(r"\d{9,11}")


class WebinarForm(forms.ModelForm):  # type: ignore[type-arg]
    starts_at = WallClockField(label="Starts at", help_text=IN_ITS_ZONE)

    class Meta:
        model = Webinar
        fields = ["starts_at"]  # the admin's fieldsets say the rest

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "starts_at" in self.fields:
            zone = ZoneInfo(self.instance.time_zone)
            self.initial["starts_at"] = wall_clock.written(self.instance.starts_at, zone)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "starts_at" in self.fields:
            moment = read_moment(self, "starts_at", cleaned.get("time_zone", ""))
            if moment is not None:
                cleaned["starts_at"] = moment
        self._check_length(cleaned)
        return cleaned

    def _check_length(self, cleaned: dict[str, Any]) -> None:
        lasts, needed = cleaned.get("minutes", self.instance.minutes), cleaned.get("attended_after")
        if lasts and needed and needed > lasts and {"minutes", "attended_after"} & set(self.changed_data):
            self.add_error("attended_after", f"It lasts {lasts} minutes: nobody could have attended.")

    def clean_zoom_id(self) -> str:
        """As Zoom shows it, in groups, is fine."""
        written: str = re.sub(r"[\s-]", "", self.cleaned_data["zoom_id"])
        if written and written != self.instance.zoom_id and not _ZOOM_ID.fullmatch(written):
            raise forms.ValidationError("Write the 9 to 11 digits that Zoom shows as the webinar's id.")
        return written

    def clean_survey_url(self) -> str:
        url: str = self.cleaned_data["survey_url"].strip()
        if url:
            check_survey(url)
        return url
