"""Addresses of the pages for visitors."""

from django.urls import path

from lifecycle.web.downloads import download
from lifecycle.web.forms.confirming import confirm
from lifecycle.web.forms.thanks import thanks
from lifecycle.web.leaving import leaving
from lifecycle.web.pages.views import landing_page, preview
from lifecycle.web.snippet import snippet
from lifecycle.web.webinars.calendar import calendar
from lifecycle.web.webinars.joining import join
from lifecycle.web.webinars.own import cancel, own
from lifecycle.web.webinars.pages import webinars

urlpatterns = [
    path("thanks/<slug:slug>/", thanks, name="thanks"),
    path("confirm/<str:token>", confirm, name="confirm"),
    path("leaving/<str:token>", leaving, name="leaving"),
    path("t.js", snippet, name="snippet"),
    path("f/<str:token>", download, name="download"),
    path("p/<slug:slug>", landing_page, name="landing-page"),
    path("webinars/", webinars, name="webinars"),
    path("webinars/r/<str:token>", own, name="registration"),
    path("webinars/r/<str:token>/join", join, name="registration-join"),
    path("webinars/r/<str:token>/cancel", cancel, name="registration-cancel"),
    path("webinars/r/<str:token>/calendar.ics", calendar, name="registration-calendar"),
    path("pages/preview/<int:pk>", preview, name="page-preview"),
]
