"""How far a registration is on its way to Zoom, and once more on that way."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from lifecycle.core import clock
from webinars import syncing
from webinars.models import RegistrantSync, Registration

State = RegistrantSync.State
WORDS = {
    ("add", State.DONE): "Registered in Zoom",
    ("add", State.FAILED): "Not registered in Zoom",
    ("cancel", State.DONE): "Canceled in Zoom",
    ("cancel", State.FAILED): "Not canceled in Zoom",
}


class ZoomSync:
    """Part of the registration's admin."""

    @display(description="Zoom")
    def zoom(self, registration: Registration) -> str:
        sync = RegistrantSync.objects.filter(registration=registration.pk).first()
        if sync is None:
            return "Registered in Zoom" if registration.zoom_registrant_id else "–"
        waits = "To be registered in Zoom" if sync.wants == "add" else "To be canceled in Zoom"
        words = WORDS.get((sync.wants, State(sync.state)), waits)
        return f"{words}: {sync.detail}" if sync.detail and sync.state != State.DONE else words

    @display(description="Own join link")
    def own_link(self, registration: Registration) -> str:
        return registration.join_url or "–"

    def has_tell_zoom_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("webinars.change_registrantsync")

    @admin.action(description="Tell Zoom again", permissions=["tell_zoom"])
    def tell_zoom_again(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        many = syncing.again(list(rows.values_list("pk", flat=True)), now=clock.now())
        messages.success(request, f"{many} are told to Zoom again within seconds.")
