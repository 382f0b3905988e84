"""Every address of the product, by area."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from lifecycle import confirming, diagnosis, health
from lifecycle.api.views.forms import Submissions
from lifecycle.api.views.webinars import Registrations
from lifecycle.web.forms.hosted import hosted
from lifecycle.web.webinars.pages import webinar as webinar_page

# Asked for with the first request: the names of static files are known once they are collected.
MARK = lazy(static, str)("img/mark.svg")

_posted = Submissions.as_view()
_registered = Registrations.as_view()


@csrf_exempt  # it has no account to misuse, and works in frames of other websites
def form(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A hosted form has one address: looked at it is a page, posted it is the public door."""
    return _posted(request, slug=slug) if request.method == "POST" else hosted(request, slug)


@csrf_exempt  # as a form's
def webinar(request: HttpRequest, code: str) -> HttpResponseBase:
    """A webinar has one address too: a page, and the door of its form."""
    return _registered(request, code=code) if request.method == "POST" else webinar_page(request, code)


urlpatterns = [
    path("healthz", health.process, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("favicon.ico", RedirectView.as_view(url=MARK)),
    path("", RedirectView.as_view(pattern_name="console:hot-leads")),
    path("admin/health/", diagnosis.health, name="health"),
    path("admin/confirm-instance/", confirming.confirm, name="confirm-instance"),
    path("admin/reports/", include("lifecycle.console.report_urls")),
    path("admin/", admin.site.urls),
    path("console/", include("lifecycle.console.urls")),
    path("mailbox/", include("campaigns.sending.mailbox")),
    path("api/", include("lifecycle.api.urls")),
    path("v1/", include("lifecycle.api.tracking.urls")),
    path("", include("campaigns.urls")),
    path("", include("lifecycle.integrations.urls")),
    path("", include("lifecycle.web.urls")),
    path("forms/<slug:slug>", form, name="form"),
    path("webinars/<slug:code>", webinar, name="webinar"),
    path("webinars/<slug:code>/", RedirectView.as_view(pattern_name="webinar", permanent=True, query_string=True)),
]
