"""/forms/{slug}: a form as a page, for a link or a frame. Posts go to the API's door (lifecycle.urls)."""

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from leads import forms
from leads.doors import form_page, policy
from leads.hosting import Given
from lifecycle.core import clock
from lifecycle.web.pages.showing import provenance
from lifecycle.web.sorry import drawn as apology
from webinars import taking


@require_safe
def hosted(request: HttpRequest, slug: str) -> HttpResponse:
    opened = forms.active(slug)
    if opened is None:
        return closed(request)
    if why := taking.refusal(slug, request.GET.get(taking.FIELD, ""), now=clock.now()):
        return too_late(request, why)
    answers = {name: request.GET.getlist(name) for name in request.GET}
    return form_page.page(request, opened, Given(answers, hidden=came_from(request)), now=clock.now())


def came_from(request: HttpRequest) -> dict[str, str]:
    """Where the visitor came from, as hidden fields. In a frame the page around it is the page; it may say more."""
    referrer, here = request.headers.get("Referer", ""), request.build_absolute_uri()
    if form_page.is_framed(request):
        return provenance(request.GET, referrer="", page_url=referrer or here)
    outside = referrer if _host(referrer) != request.get_host() else ""
    return provenance(request.GET, referrer=outside, page_url=here)


def closed(request: HttpRequest) -> HttpResponse:
    """There is no such form, or not any more."""
    words = "This form is not open", "It was closed or moved, or the address has a mistake in it."
    return sorry(request, words)


def too_late(request: HttpRequest, why: str) -> HttpResponse:
    """The form of a webinar that takes nobody: nobody fills it in and believes that they have a seat."""
    words = "There is no seat to be had here", why
    return sorry(request, words, way=reverse("webinars"), go="See what is coming")


def sorry(request: HttpRequest, words: tuple[str, str], **way: str) -> HttpResponse:
    response = apology(request, words, status=404, **way)
    policy.guard(response, framers=["*"] if form_page.is_framed(request) else ())
    return response


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
