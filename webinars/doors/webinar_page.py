"""The page of a webinar: with its form, for somebody who registered, or afterwards with the recording."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from leads import forms
from leads.doors import form_page, policy
from leads.hosting import Given
from leads.models import Workspace
from lifecycle.core import tokens
from webinars import recordings, seats, showing, telling
from webinars.models import Webinar
from webinars.registering import closed
from webinars.showing import Seat
from webinars.taking import FORM


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks: with what they sent already, or with their seat; a colleague sees drafts too.

    `is_asked`: they registered a moment ago, and a mail asks whether it was them. `zone`: theirs, where it is known.
    """

    given: Given = field(default_factory=Given)
    seat: Seat | None = None
    status: int = 200
    is_staff: bool = False
    is_asked: bool = False
    zone: str = ""


def page(request: HttpRequest, webinar: Webinar, look: Look, *, now: datetime) -> HttpResponse:
    """The whole page. The webinar's speakers are read."""
    opened = forms.active(FORM) if look.seat is None and not closed(webinar, now=now) else None
    workspace = opened.workspace if opened else Workspace.load()
    left = seats.free(webinar)
    form = (
        form_page.drawn(opened, look.given, action=reverse("webinar", args=[webinar.code]), now=now) if opened else None
    )
    if form and left == 0:
        form = replace(form, button="Go on the waiting list")
    phase = showing.phase(webinar, now=now)
    player = recordings.player(webinar.recording_url) if phase == "over" else None
    context: dict[str, Any] = {
        "webinar": webinar,
        "workspace": workspace,
        "phase": phase,
        "player": player,
        "when": telling.when(webinar),
        "until": showing.until(webinar, now=now),
        "yours": showing.in_zone(webinar, look.zone),
        "in_utc": showing.in_zone(webinar, "UTC"),
        "paragraphs": showing.paragraphs(webinar),
        "canonical": telling.public_url(webinar),
        "search": showing.for_search_engines(webinar, organizer=workspace.name),
        "seat": look.seat,
        "seats_left": left,
        "form": form,
        "is_staff": look.is_staff,
        "is_asked": look.is_asked,
        "site_key": "" if look.seat or look.is_staff else tokens.site_key(),
    }
    response = render(request, "web/webinars/webinar.html", context, status=look.status)
    shows = {"media-src" if player.mime else "frame-src": [player.origin]} if player else None
    policy.guard(response, form=opened.form if opened else None, shows=shows)
    response["Cache-Control"] = "no-store"  # the form's signed time is for one person, and so is a seat
    if look.seat:
        response["Referrer-Policy"] = "no-referrer"  # the address is the person's own
    return response
