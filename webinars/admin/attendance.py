"""Attendance from a file, on a webinar's own page: look at what it comes to, then take it."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from leads.importing import FileProblem
from leads.models.workspace import check_zone
from lifecycle.core import clock
from webinars import attendance_file, roll_call
from webinars.models import Webinar

SALT = "webinars.attendance"
# Between looking and taking.
MINUTES = 60
SHOWN = 50
MEANINGS = {"email": "Address", "joined": "Joined", "left": "Left", "minutes": "Minutes", "attended": "Attended"}
PROBLEMS = (FileProblem, roll_call.TooEarly)


class UploadForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.tsv,.txt,text/csv"}),
        help_text="Zoom's attendee or participants report as it comes, or any table with a column “Email” and one of "
        f"“Joined” (and “Left”), “Minutes” or “Attended”. At most {attendance_file.MOST_ROWS:,} rows.",
    )
    time_zone = forms.CharField(
        max_length=64,
        validators=[check_zone],
        widget=UnfoldAdminTextInputWidget,
        help_text="Of the times in the file. Zoom writes them in the zone of your Zoom account.",
    )


class AttendancePages:
    """Part of the webinar's admin: the button and the page behind it."""

    admin_site: Any
    opts: Any
    has_change_permission: Any
    get_object: Any
    log_change: Any

    def has_attendance_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not self.has_change_permission(request):
            return False
        if not object_id:
            return True
        webinar = self.get_object(request, object_id)
        return webinar is not None and webinar.state == Webinar.State.OPEN and webinar.starts_at <= clock.now()

    @action(description="Attendance from a file", url_path="attendance", icon="how_to_reg", permissions=["attendance"])
    def attendance(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a file, show what it comes to, take it."""
        webinar = self.get_object(request, object_id)
        if webinar is None or not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST" and "stays" in request.POST:
            return self._take(request, webinar)
        form = UploadForm(request.POST or None, request.FILES or None, initial={"time_zone": webinar.time_zone})
        if request.method == "POST" and form.is_valid():
            try:
                zone = ZoneInfo(form.cleaned_data["time_zone"])
                found = roll_call.look(webinar, form.cleaned_data["file"], zone=zone, now=clock.now())
                return self._page(request, webinar, **_shown(webinar, found))
            except PROBLEMS as problem:
                form.add_error("file", str(problem))
        return self._page(request, webinar, form=form)

    def _take(self, request: HttpRequest, webinar: Webinar) -> HttpResponse:
        """What was looked at, from the page itself: nothing of the file is kept in between."""
        try:
            pk, stays = signing.loads(request.POST["stays"], salt=SALT, max_age=60 * MINUTES)
            if pk != webinar.pk:
                raise signing.BadSignature
            settled = roll_call.take(webinar.pk, stays, now=clock.now())
            told = f"{settled.attended:,} are told now that they attended, {settled.missed:,} that they missed it."
            messages.success(request, f"Attendance is settled: {told}")
            self.log_change(request, webinar, f"Attendance from a file: {told}")
        except signing.BadSignature:
            messages.error(request, "That page is too old. Upload the file again.")
        except roll_call.TooEarly as problem:
            messages.error(request, str(problem))
        return HttpResponseRedirect(reverse("admin:webinars_webinar_change", args=[webinar.pk]))

    def _page(self, request: HttpRequest, webinar: Webinar, **context: Any) -> HttpResponse:
        back = reverse("admin:webinars_webinar_change", args=[webinar.pk])
        title = f"Attendance of {webinar.code}"
        shown = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "back": back}
        return TemplateResponse(request, "admin/webinars/attendance.html", {**shown, "webinar": webinar, **context})


def _shown(webinar: Webinar, found: roll_call.Found) -> dict[str, Any]:
    return {
        "found": found,
        "columns": [(theirs, MEANINGS[ours]) for ours, theirs in found.columns.items()],
        "refusals": found.refusals[:SHOWN],
        "more": max(len(found.refusals) - SHOWN, 0),
        "stays": signing.dumps([webinar.pk, list(found.stays)], salt=SALT, compress=True),
    }
