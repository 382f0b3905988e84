"""Who came to a landing page and what came of it: one row a browser and variant, one number for the views."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from leads.models import PageVariant
from leads.pages.assigning import Offer, assign
from lifecycle.core import sql

# Hidden fields of a form on a landing page: "slug:variant", and the browser as `browser_hash` names it.
VARIANT_FIELD = "landing_variant"
BROWSER_FIELD = "landing_browser"
_HASH_LENGTH = 64
_MET = """
    SELECT i.variant_id FROM leads_pagevisit i
    WHERE i.browser = %b AND i.variant_id = ANY(%b::bigint[]) ORDER BY i.first_at, i.id LIMIT 1
"""
_SEEN = """
    WITH counted AS (UPDATE leads_pagevariant SET views = views + 1 WHERE id = %b)
    INSERT INTO leads_pagevisit (variant_id, browser, first_at)
    SELECT %b, %b, %b WHERE %b <> '' ON CONFLICT DO NOTHING
"""
_CONVERTED = """
    UPDATE leads_pagevisit SET converted_at = %b, submission_id = %b
    WHERE variant_id = %b AND browser = %b AND converted_at IS NULL
"""


def browser_hash(cookie: str, *, key: str) -> str:
    """The name under which a browser is kept: a hash keyed by the workspace's address key, "" for no cookie."""
    return hmac.new(key.encode(), b"landing page:" + cookie.encode(), hashlib.sha256).hexdigest() if cookie else ""


def choose(variants: Sequence[PageVariant], *, browser: str) -> PageVariant | None:
    """The variant this browser sees: the one it saw before, else its share. None if the page has none."""
    if not variants:
        return None
    ids = [variant.pk for variant in variants]
    met = sql.fetch(_MET, [browser, ids]) if browser and len(variants) > 1 else []
    offers = [Offer(variant.pk, variant.key, variant.weight) for variant in variants]
    offer = assign(offers, page=variants[0].page_id, browser=browser, met=met[0][0] if met else None)
    return next(variant for variant in variants if offer is not None and variant.pk == offer.id)


def seen(variant: PageVariant, *, browser: str, now: datetime) -> None:
    """Count a view and, once for a browser, a visitor. Without a name only the view."""
    sql.execute(_SEEN, [variant.pk, variant.pk, browser, now, browser])


def of_submission(data: Mapping[str, Any]) -> PageVariant | None:
    """The variant that a posted body says it came from; None for none, or one that there is not."""
    sent = data.get(VARIANT_FIELD)
    if not isinstance(sent, str):
        return None
    slug, _, key = sql.storable(sent[:200]).partition(":")
    return PageVariant.objects.filter(page__slug=slug, key=key).first() if key else None


def browser_of(data: Mapping[str, Any]) -> str:
    """The browser that a posted body names, "" for none."""
    sent = data.get(BROWSER_FIELD)
    return sql.storable(sent) if isinstance(sent, str) and len(sent) == _HASH_LENGTH else ""


def converted(variant_id: int, browser: str, submission_id: int, *, now: datetime) -> bool:
    """Note that `browser` did what the page is for; whether it is the first time.

    Only a browser that was counted as a visitor of this variant counts, and only once.
    """
    return bool(browser) and sql.execute(_CONVERTED, [now, submission_id, variant_id, browser]) > 0
