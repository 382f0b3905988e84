"""Addresses of the pages for visitors."""

from django.urls import path

from lifecycle.web.downloads import download
from lifecycle.web.pages.views import landing_page, preview
from lifecycle.web.snippet import snippet

urlpatterns = [
    path("t.js", snippet, name="snippet"),
    path("f/<str:token>", download, name="download"),
    path("p/<slug:slug>", landing_page, name="landing-page"),
    path("pages/preview/<int:pk>", preview, name="page-preview"),
]
