"""A hosted form as a page of its own, or as the inside of a frame on somebody's website."""

from dataclasses import replace
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from leads import following, hosting, pace
from leads.doors import policy
from leads.forms import OpenForm
from leads.hosting import Drawn, Given
from lifecycle.core import tokens


def drawn(opened: OpenForm, given: Given, *, framed: bool = False, action: str = "", now: datetime) -> Drawn:
    """The form with its signed time. It posts to its own page or to `action`, so that a mistake shows there."""
    action = action or reverse("form", args=[opened.form.slug]) + (f"?{following.FRAMED}=1" if framed else "")
    signed = pace.sign_again(given.answers.get(pace.FIELD), opened.form, now=now) if given.is_posted else None
    hidden = {**given.hidden, pace.FIELD: signed or pace.sign(opened.form, now=now)}
    return hosting.draw(opened, replace(given, hidden=hidden), action=action)


def page(request: HttpRequest, opened: OpenForm, given: Given, *, now: datetime, status: int = 200) -> HttpResponse:
    """The whole page. Only the form's own websites may frame it, and only as the variant for frames."""
    framed = is_framed(request)
    form = drawn(opened, given, framed=framed, now=now)
    # In a frame the website around it tells of the view.
    site_key = "" if framed else tokens.site_key()
    context = {"form": form, "workspace": opened.workspace, "framed": framed, "site_key": site_key}
    response = render(request, "web/form.html", context, status=status)
    policy.guard(response, form=opened.form, framers=policy.framers(opened.form) if framed else ())
    response["Cache-Control"] = "no-store"  # its signed time is for one person
    return response


def is_framed(request: HttpRequest) -> bool:
    return following.FRAMED in request.GET
