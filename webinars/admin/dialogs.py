"""What is asked before something happens to a webinar, with how many people it touches."""

from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from leads.models.workspace import check_zone
from lifecycle.core import wall_clock
from webinars import telling
from webinars.admin.fields import WallClockLine, read_moment
from webinars.models import Registration, Webinar


class WebinarDialog(BaseDialogForm):
    """Says whom it touches before it is done."""

    form_before_template = "admin/campaigns/broadcast_numbers.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        webinar = Webinar.objects.get(pk=object_id)
        states = Counter(webinar.registrations.values_list("state", flat=True))
        seated, waiting = states[Registration.State.REGISTERED], states[Registration.State.WAITING]
        return {"lines": self.lines(webinar, seated, waiting)}

    def lines(self, webinar: Webinar, seated: int, waiting: int) -> list[str]:
        raise NotImplementedError


class OpenDialog(WebinarDialog):
    def lines(self, webinar: Webinar, seated: int, waiting: int) -> list[str]:
        page = telling.public_url(webinar)
        said = [f"It is {telling.when(webinar)}.", f"Its page shows the form from now on: {page}"]
        if not webinar.join_url and not webinar.zoom_id:
            said.append("There is no join link yet; mails go out without one.")
        return said


class MoveDialog(WebinarDialog):
    starts_at = WallClockLine(label="New date and time", help_text="By the clock of the time zone below.")
    minutes = forms.IntegerField(
        label="Length in minutes", min_value=5, max_value=24 * 60, widget=UnfoldAdminIntegerFieldWidget
    )
    time_zone = forms.CharField(
        max_length=64, validators=[check_zone], widget=UnfoldAdminTextInputWidget, help_text="Such as Europe/Berlin."
    )

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        webinar = Webinar.objects.filter(pk=object_id).first()
        if webinar is not None:
            self.fields["starts_at"].initial = wall_clock.written(webinar.starts_at, ZoneInfo(webinar.time_zone))
            self.fields["minutes"].initial = webinar.minutes
            self.fields["time_zone"].initial = webinar.time_zone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        moment = read_moment(self, "starts_at", cleaned.get("time_zone", ""))
        return cleaned | {"starts_at": moment}

    def lines(self, webinar: Webinar, seated: int, waiting: int) -> list[str]:
        told = f"{seated:,} registered people get a mail with the new time, which moves the entry in their calendar."
        return [f"Now: {telling.when(webinar)}.", told if seated else "Nobody has registered yet, so nobody is told."]


class CancelDialog(WebinarDialog):
    def lines(self, webinar: Webinar, seated: int, waiting: int) -> list[str]:
        queue = f", and {waiting:,} who wait for a seat" if waiting else ""
        told = f"{seated:,} registered people{queue} get a mail that takes it out of their calendar."
        return [told if seated or waiting else "Nobody has registered, so nobody is told.", "This cannot be undone."]


class PublishDialog(WebinarDialog):
    recording_url = forms.URLField(
        label="Link of the recording", max_length=500, widget=UnfoldAdminURLInputWidget, assume_scheme="https"
    )

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        known = Webinar.objects.filter(pk=object_id).values_list("recording_url", flat=True).first()
        self.fields["recording_url"].initial = known or ""

    def lines(self, webinar: Webinar, seated: int, waiting: int) -> list[str]:
        if webinar.recording_url:
            return ["It was published before: the page gets the new link, and nobody is told again."]
        return [f"It shows on the page, and {seated:,} people who were registered are told."]
