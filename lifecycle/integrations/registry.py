"""The senders whose webhooks we take, by slug."""

from collections.abc import Callable

from lifecycle.integrations.contract import Provider

_providers: dict[str, Provider] = {}
_families: dict[str, Callable[[str], Provider | None]] = {}


def register(provider: Provider) -> None:
    """Open a door for this sender; a slug is given once."""
    if provider.slug in _providers:
        raise ValueError(f"There are two providers {provider.slug!r}.")
    _providers[provider.slug] = provider


def register_family(name: str, find: Callable[[str], Provider | None]) -> None:
    """Senders that people set up themselves: `find("shop")` is the one whose slug is "NAME:shop"."""
    if name in _families:
        raise ValueError(f"There are two families {name!r}.")
    _families[name] = find


def get(slug: str) -> Provider | None:
    family, colon, member = slug.partition(":")
    if colon:
        return _families[family](member) if family in _families else None
    return _providers.get(slug)


def providers() -> list[Provider]:
    """All that vendors registered, by title."""
    return sorted(_providers.values(), key=lambda provider: provider.title)
