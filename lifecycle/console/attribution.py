"""The attribution report as a page: every model side by side, and behind each row the paths that led to it."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.timezone import localtime
from django.views.decorators.http import require_GET
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from leads.models import Lead, Workspace
from lifecycle.console import credited
from lifecycle.console.doors import colleagues, page
from lifecycle.core import clock
from lifecycle.reports.attribution import DIMENSIONS, MODELS, UNATTRIBUTED, Asking, attribution, question, telling
from lifecycle.reports.attribution.details import behind, of_lead

USUAL_DAYS = 90
# What only the links of the page carry.
VALUE, NOBODY, PAGE, FORMAT = "value", "nobody", "page", "format"


class PageAsking(Asking):
    """The report's fields, drawn as the admin's; all models are shown, so none is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if isinstance(field, forms.ChoiceField):
                widget: forms.Widget = UnfoldAdminSelectWidget(choices=field.choices)
            else:
                kinds = {"from": "date", "to": "date", "lookback": "number"}
                widget = UnfoldAdminTextInputWidget(attrs={"type": kinds.get(name, "text")})
            field.widget = widget
        self.fields["model"].widget = forms.HiddenInput()
        self.fields["currency"].widget.attrs |= {"placeholder": "all", "maxlength": "3"}
        self.fields["lookback"].widget.attrs |= {"placeholder": str(self.workspace.attribution_lookback_days)}
        self.fields["primary_audience"].widget.attrs |= {"placeholder": "all"}


def asked(request: HttpRequest) -> PageAsking:
    """The form as it was sent; without anything sent, the last ninety days."""
    workspace = Workspace.load()
    sent = {name: value for name, value in request.GET.items() if name not in (VALUE, NOBODY, PAGE, FORMAT)}
    if not sent:
        first = localtime(clock.now(), workspace.zone).date() - timedelta(days=USUAL_DAYS)
        sent = {"from": first.isoformat()}
    usual = {name: field.initial or "" for name, field in Asking(workspace=workspace).fields.items()}
    return PageAsking({**usual, **sent, "model": "all"}, workspace=workspace)


@require_GET
@colleagues("leads.view_conversion")
def show(request: HttpRequest) -> HttpResponse:
    form = asked(request)
    report = attribution(form.question()) if form.is_valid() else None
    if report is not None and request.GET.get(FORMAT) == "csv":
        response = HttpResponse(telling.as_csv(report), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="attribution.csv"'
        return response
    context = {
        "title": "Attribution",
        "form": form,
        "report": report,
        "sections": credited.sections(report, _query(form)) if report else [],
        "models": MODELS.values(),
        "by": DIMENSIONS[report.asked.by].label if report else "",
        "query": urlencode(_query(form)),
    }
    return page(request, "console/attribution.html", context)


@require_GET
@colleagues("leads.view_conversion")
def behind_row(request: HttpRequest) -> HttpResponse:
    form = asked(request)
    if not form.is_valid():
        raise Http404("These filters do not read.")
    value = None if NOBODY in request.GET else request.GET.get(VALUE, "").replace("\0", "")
    number = request.GET.get(PAGE, "")
    at = min(int(number), 10_000) if number.isdecimal() and 0 < len(number) < 6 and int(number) else 1
    asking = form.question()
    found, more = behind(asking, value, page=at)
    label = credited.label(asking, value)
    here = {**_query(form), **({NOBODY: "1"} if value is None else {VALUE: value})}
    context = {
        "title": f"Behind “{label}”" if value is not None else UNATTRIBUTED,
        "found": [credited.told(one) for one in found],
        "models": MODELS.values(),
        "back": urlencode(_query(form)),
        "earlier": urlencode({**here, PAGE: at + 1}) if more else "",
        "later": urlencode({**here, PAGE: at - 1}) if at > 1 else "",
        "is_unattributed": value is None,
    }
    return page(request, "console/attribution_behind.html", context)


@require_GET
@colleagues("leads.view_conversion")
def behind_lead(request: HttpRequest, lead_id: int) -> HttpResponse:
    lead = get_object_or_404(Lead, pk=lead_id)
    found = of_lead(question(), lead_id)
    context = {
        "title": f"What led {lead.full_name or lead.email} here",
        "found": [credited.told(one) for one in found],
        "models": MODELS.values(),
        "lead": lead,
    }
    return page(request, "console/attribution_behind.html", context)


def _query(form: PageAsking) -> dict[str, str]:
    """What was asked, as the links carry it on."""
    return {name: form.data[name] for name in form.fields if name != "model" and form.data.get(name)}
