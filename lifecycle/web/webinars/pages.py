"""/webinars/: what is coming; /webinars/{code}: one webinar. Posts go to the API's door (lifecycle.urls)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leads.doors import policy
from leads.hosting import Given
from leads.models import Workspace
from lifecycle.core import clock, tokens
from lifecycle.web.forms.hosted import came_from
from lifecycle.web.pages.visiting import known_as
from lifecycle.web.sorry import drawn as apology
from webinars import telling
from webinars.doors import webinar_page
from webinars.doors.webinar_page import Look
from webinars.models import Webinar

MAY_LOOK = "webinars.view_webinar"
MOST_RECORDINGS = 12


@require_safe
def webinars(request: HttpRequest) -> HttpResponse:
    """Those to come, and recordings of those that were."""
    now, known = clock.now(), Webinar.objects.prefetch_related("speakers")
    coming = known.upcoming(now).counted()
    past = known.filter(state=Webinar.State.OPEN, starts_at__lt=now).exclude(recording_url="").order_by("-starts_at")
    context = {
        "workspace": Workspace.load(),
        "coming": [(one, telling.when(one), telling.speakers(one), seats_left(one)) for one in coming],
        "past": [(one, telling.speakers(one)) for one in past[:MOST_RECORDINGS]],
        "site_key": tokens.site_key(),
    }
    response = render(request, "web/webinars/list.html", context)
    policy.guard(response)
    return response


@require_safe
def webinar(request: HttpRequest, code: str) -> HttpResponse:
    """One webinar; drafts for colleagues only. What the address says fills in the form."""
    is_staff = bool(request.user.is_staff and request.user.has_perm(MAY_LOOK))
    found = Webinar.objects.prefetch_related("speakers").filter(code=code.upper()).first()
    if found is None or (found.state == Webinar.State.DRAFT and not is_staff):
        return not_found(request)
    answers = {name: request.GET.getlist(name) for name in request.GET}
    given = Given(answers, hidden={**came_from(request), **known_as(request)})
    is_asked = "asked" in request.GET
    return webinar_page.page(request, found, Look(given, is_staff=is_staff, is_asked=is_asked), now=clock.now())


def not_found(request: HttpRequest) -> HttpResponse:
    words = "There is no such webinar", "It is not announced yet, or the address has a mistake in it."
    response = apology(request, words, status=404, way="/webinars/", go="See all webinars")
    policy.guard(response)
    return response


def seats_left(webinar: Webinar) -> int | None:
    seated: int = webinar.seated  # type: ignore[attr-defined]  # counted
    return None if webinar.capacity is None else max(webinar.capacity - seated, 0)
