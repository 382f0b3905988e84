"""Calendly: meetings that are booked, moved, canceled and missed. README.md tells how to set it up."""

from lifecycle.integrations import registry
from lifecycle.integrations.calendly.provider import PROVIDER

registry.register(PROVIDER)
