"""The engagement report as a page."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from leads.engagement import progress
from leads.models import Workspace
from lifecycle.console.doors import colleagues, page
from lifecycle.core import clock
from lifecycle.reports.engagement import engagement


@require_GET
@colleagues("leads.view_lead")
def show(request: HttpRequest) -> HttpResponse:
    report = engagement(now=clock.now())
    shown = {"title": "Engagement", "report": report, "workspace": Workspace.load(), "reached": progress()}
    return page(request, "console/engagement.html", shown)
