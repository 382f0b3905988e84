"""The limits of this installation, enforced at the doors."""

import ipaddress
from datetime import datetime

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from lifecycle.api.limits import Counter, Rate

COUNTER = Counter()


def enforce(limit: str, value: str, *, now: datetime) -> None:
    """Count one request of `value`; Throttled, with the seconds to wait, when it is over the limit of that name."""
    wait = COUNTER.hit(limit, value, Rate(*settings.LIMITS[limit]), now=now)
    if wait is not None:
        raise Throttled(wait=wait)


def enforce_ip(limit: str, request: Request, *, now: datetime) -> None:
    """As `enforce`, for the caller's network address.

    This machine's own address is not limited: it is a proxy that TRUSTED_PROXIES does not tell of, and everybody
    behind it would be locked out together.
    """
    address = BaseThrottle().get_ident(request) or ""
    if not is_this_machine(address):
        enforce(limit, address, now=now)


def is_this_machine(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return not address  # a Unix socket has no address
