"""The providers by name, and those that are asked, in their order."""

from collections.abc import Callable
from functools import cache

from django.conf import settings

from leads.enrichment.contract import Provider
from leads.enrichment.offline import Offline
from leads.enrichment.remote import Remote

_MADE: dict[str, Callable[[], Provider]] = {Offline.slug: Offline, Remote.slug: Remote}


def register(make: Callable[[], Provider], slug: str) -> None:
    """Make a provider known under its slug, in an app's `ready()`; ENRICHMENT_PROVIDERS then may name it."""
    _MADE[slug] = make
    _one.cache_clear()


def providers() -> list[Provider]:
    """Those that ENRICHMENT_PROVIDERS names; what an earlier one knows counts before what a later one does."""
    return [_one(slug) for slug in settings.ENRICHMENT_PROVIDERS]


def slugs() -> list[str]:
    """The names that ENRICHMENT_PROVIDERS may hold."""
    return sorted(_MADE)


def unknown() -> list[str]:
    """Names in ENRICHMENT_PROVIDERS that nobody registered."""
    return [slug for slug in settings.ENRICHMENT_PROVIDERS if slug not in _MADE]


@cache
def _one(slug: str) -> Provider:
    return _MADE[slug]()
