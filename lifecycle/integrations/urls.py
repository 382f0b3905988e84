"""Addresses of the doors for other systems."""

from django.urls import re_path

from lifecycle.integrations.doors import source, vendor

# With or without the slash at the end: a redirect loses what was posted.
urlpatterns = [
    re_path(r"^webhooks/in/(?P<slug>[-a-zA-Z0-9_]+)/?$", source, name="webhook-source"),
    re_path(r"^webhooks/(?P<slug>[-a-zA-Z0-9_]+)/?$", vendor, name="webhook"),
]
