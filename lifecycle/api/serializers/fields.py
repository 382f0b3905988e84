from datetime import UTC
from typing import Any

from rest_framework import serializers


class TimeField(serializers.DateTimeField):
    """In UTC, whatever the zone of the installation; what comes without a zone is taken as UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(default_timezone=UTC, **kwargs)
