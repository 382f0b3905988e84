"""What a provider of company facts is: one look-up by mail domain."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What somebody knows of a company; empty where they know nothing. `facts`: whatever else, kept as it is."""

    name: str = ""
    size: int | None = None
    industry: str = ""
    country: str = ""
    time_zone: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Unavailable(Exception):
    """The provider cannot answer now. `retry_after`: when it asked to be asked again, if it said so.

    `rests`: it will not answer about other companies now either, so they are not asked about.
    """

    def __init__(self, message: str, retry_after: timedelta | None = None, *, rests: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.rests = rests


class Provider(Protocol):
    """Looks up companies. Called by several threads at once, with no transaction open."""

    slug: str

    def look_up(self, domain: str) -> CompanyFacts | None:
        """What is known of the company of this mail domain, None if nothing; Unavailable if it cannot tell now."""
        ...
