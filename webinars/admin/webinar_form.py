"""The form of a webinar. Once it is open, its time changes by a dialog that says who is told."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from lifecycle.core import wall_clock
from lifecycle.core.admin import WallClockField
from webinars.admin.fields import IN_ITS_ZONE, check_survey, read_moment
from webinars.models import Webinar


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
        return cleaned

    def clean_survey_url(self) -> str:
        url: str = self.cleaned_data["survey_url"].strip()
        if url:
            check_survey(url)
        return url
