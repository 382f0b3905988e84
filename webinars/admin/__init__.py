"""The admin of webinars: what is planned, who comes, and what happens to all of it."""

from webinars.admin import on_lead, registrations, webinars

__all__ = ["on_lead", "registrations", "webinars"]
