"""Addresses of the doors for other systems."""

from django.urls import re_path

from lifecycle.integrations.doors import source, vendor

# With or without the slash at the end: a redirect loses what was posted. Whatever a sender is called, the door answers.
urlpatterns = [
    re_path(r"^webhooks/in/(?P<slug>[^/]+)/?$", source, name="webhook-source"),
    re_path(r"^webhooks/(?P<slug>[^/]+)/?$", vendor, name="webhook"),
]
