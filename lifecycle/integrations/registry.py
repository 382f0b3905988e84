"""The senders whose webhooks we take, by slug."""

from lifecycle.integrations.contract import Provider

_providers: dict[str, Provider] = {}


def register(provider: Provider) -> None:
    """Open a door for this sender; a slug is given once."""
    if provider.slug in _providers:
        raise ValueError(f"There are two providers {provider.slug!r}.")
    _providers[provider.slug] = provider


def get(slug: str) -> Provider | None:
    return _providers.get(slug)


def providers() -> list[Provider]:
    """All of them, by title."""
    return sorted(_providers.values(), key=lambda provider: provider.title)
