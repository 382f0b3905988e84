"""Addresses of the pages for visitors."""

from django.urls import path

from lifecycle.web.downloads import download
from lifecycle.web.forms.confirming import confirm
from lifecycle.web.forms.thanks import thanks
from lifecycle.web.pages.views import landing_page, preview
from lifecycle.web.snippet import snippet

urlpatterns = [
    path("thanks/<slug:slug>/", thanks, name="thanks"),
    path("confirm/<str:token>", confirm, name="confirm"),
    path("t.js", snippet, name="snippet"),
    path("f/<str:token>", download, name="download"),
    path("p/<slug:slug>", landing_page, name="landing-page"),
    path("pages/preview/<int:pk>", preview, name="page-preview"),
]
