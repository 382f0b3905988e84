"""Every address of the product, by area."""

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from lifecycle import confirming, health
from lifecycle.api.views.thanks import thanks

# Asked for with the first request: the names of static files are known once they are collected.
MARK = lazy(static, str)("img/mark.svg")

urlpatterns = [
    path("healthz", health.process, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("favicon.ico", RedirectView.as_view(url=MARK)),
    path("", RedirectView.as_view(pattern_name="console:hot-leads")),
    path("admin/confirm-instance/", confirming.confirm, name="confirm-instance"),
    path("admin/", admin.site.urls),
    path("console/", include("lifecycle.console.urls")),
    path("mailbox/", include("campaigns.mailbox")),
    path("api/", include("lifecycle.api.urls")),
    path("v1/", include("lifecycle.api.tracking.urls")),
    path("", include("campaigns.urls")),
    path("", include("lifecycle.web.urls")),
    path("thanks/<slug:slug>/", thanks, name="thanks"),
]
