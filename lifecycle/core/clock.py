"""The clock of the doors. Everything behind a door is told the time as an argument and never asks."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """The present moment in UTC. Only views, commands and tasks may call this."""
    return timezone.now()
