"""The meetings to come, and a word on what became of them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from lifecycle.console.doors import back, colleagues, page, signed_in
from lifecycle.core import clock
from lifecycle.reports.meetings import upcoming
from lifecycle.sales import agreeing
from lifecycle.sales.models import Meeting

WHOSE = {"all": "All", "mine": "With my leads"}


@require_GET
@colleagues("sales.view_meeting")
def coming(request: HttpRequest) -> HttpResponse:
    whose = "mine" if request.GET.get("whose") == "mine" else "all"
    now = clock.now()
    days = upcoming(user_id=signed_in(request).pk if whose == "mine" else None, now=now)
    context = {"title": "Meetings", "days": days, "whose": whose, "tabs": WHOSE.items(), "now": now}
    return page(request, "console/meetings.html", context)


@require_POST
@colleagues("sales.change_meeting")
def say(request: HttpRequest, meeting_id: int) -> HttpResponse:
    meeting = get_object_or_404(Meeting, pk=meeting_id)
    verdict = request.POST.get("verdict", "")
    if verdict not in agreeing.VERDICTS:
        messages.error(request, "Say whether it took place, was missed or is canceled.")
    elif agreeing.say(meeting, verdict, by=str(signed_in(request)), now=clock.now()):
        messages.success(request, f"Noted: {Meeting.State(verdict).label.lower()}.")
    else:
        messages.warning(request, "It is so already, or was moved or canceled meanwhile.")
    return back(request, otherwise="console:lead", lead_id=meeting.lead_id)
