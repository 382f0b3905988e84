"""POST /v1/…: the names of the HTTP API, the short ones of browsers, and /import of older SDKs. A slash may follow."""

from django.urls import re_path

from lifecycle.api.tracking import views

CALLS = {"identify": "i", "track": "t", "page": "p", "screen": "s", "group": "g", "alias": "a"}

urlpatterns = [
    *(
        re_path(rf"^(?:{call}|{short})/?$", views.one, {"call": call}, name=f"track-{call}")
        for call, short in CALLS.items()
    ),
    re_path(r"^(?:batch|b|import)/?$", views.batch, name="track-batch"),
    re_path(r"", views.nothing),
]
