"""Errors of ours that DRF has no class for."""

from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class Unavailable(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "Not at the moment; nothing was stored. Please try again in a few seconds."
    wait = 5


def invalid(**fields: str) -> ValidationError:
    """A 400 that names fields, each with its problem."""
    return ValidationError({name: [problem] for name, problem in fields.items()})
