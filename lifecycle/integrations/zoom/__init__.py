"""Zoom: who registers there and who attends; and our registrations told to Zoom. README.md tells how to set it up."""

from lifecycle.integrations import registry
from lifecycle.integrations.zoom import receivers as receivers
from lifecycle.integrations.zoom import wellbeing as wellbeing
from lifecycle.integrations.zoom.provider import PROVIDER

registry.register(PROVIDER)
