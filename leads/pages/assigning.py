"""Which variant of a page a browser sees. Pure and stable: weights are for new browsers only."""

from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.core import lots


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant as far as the choice is concerned."""

    id: int
    key: str
    weight: int


def assign(offers: Sequence[Offer], *, page: int, browser: str, met: int | None = None) -> Offer | None:
    """What `browser` sees: the variant it `met` before if that is still there, else its share by weight.

    A browser without a name always sees the variant with most weight. Without any weight the first one is shown;
    None if there is no variant at all.
    """
    if not offers:
        return None
    known = next((offer for offer in offers if offer.id == met), None)
    if known is not None:
        return known
    ordered = sorted(offers, key=lambda offer: offer.key)
    if not browser or not any(offer.weight for offer in ordered):
        return max(ordered, key=lambda offer: offer.weight)
    return ordered[lots.share(f"page:{page}:{browser}", [offer.weight for offer in ordered])]
