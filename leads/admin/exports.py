"""Leads as a file: from the list, for those chosen or all that it shows, and from a segment. Each is put on record."""

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from leads import exporting
from leads.models import Lead
from lifecycle.core import clock
from lifecycle.core.admin import asking


class ExportQuestion(forms.Form):
    columns = forms.MultipleChoiceField(
        choices=[*((name, title) for name, (title, _) in exporting.GROUPS.items()), ("attributes", "Further fields")],
        initial=list(exporting.EVERYTHING),
        required=False,
        label="Beside the address",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Cells that a spreadsheet would calculate begin with an apostrophe; our import takes it off again. "
        "That you exported them is kept on record.",
    )


class ExportActions:
    """The bulk action of the list of leads, for who may export."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("leads.export_lead")

    @admin.action(description="Export as CSV …", permissions=["export"])
    @asking(ExportQuestion, title="Export these leads", submit="Download")
    def export_leads(self, request: HttpRequest, rows: "QuerySet[Lead]", form: ExportQuestion) -> HttpResponseBase:
        return download(request, rows, form.cleaned_data["columns"])


def download(request: HttpRequest, leads: "QuerySet[Lead]", groups: list[str]) -> StreamingHttpResponse:
    """The file, streamed. Who took how many, with what, and when, goes into the admin's log."""
    LogEntry.objects.create(
        user_id=int(request.user.pk or 0),
        content_type=ContentType.objects.get_for_model(Lead),
        object_repr=f"{leads.count():,} leads",
        action_flag=CHANGE,
        change_message=f"Exported as CSV: {', '.join(['email', *groups])}.",
    )
    lines = exporting.leads_csv(leads.select_related(None), groups)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="leads-{clock.now():%Y-%m-%d}.csv"'
    return response
