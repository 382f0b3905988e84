"""The leads that some calls are about: found by address or made, all locked, with the visitors around them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from leads import addresses, arrival, claiming, visitors
from leads.batch import LeadRow
from leads.domains import company_domain
from leads.identity.calls import Call
from leads.visitors import Known
from lifecycle.core import sql

_ALIASES = "SELECT email_normal, lead_id FROM leads_addressalias WHERE email_normal = ANY(%b::text[])"
_ACCOUNTS = """
    WITH given AS (
        SELECT * FROM unnest(%b::text[], %b::text[], %b::integer[], %b::text[], %b::text[], %b::text[])
            AS given (domain, name, size, industry, country, time_zone)
    ), made AS (
        INSERT INTO leads_company (domain, name, size, industry, country, time_zone, created_at, enrichment_due_at)
        SELECT domain, name, size, industry, country, time_zone, at, at FROM given, (SELECT %b::timestamptz) now (at)
        WHERE NOT EXISTS (SELECT FROM leads_company c WHERE c.domain = given.domain)
        ORDER BY domain ON CONFLICT (domain) DO NOTHING RETURNING id, domain
    )
    SELECT domain, id FROM made
    UNION ALL SELECT c.domain, c.id FROM leads_company c JOIN given USING (domain)
"""


class Moved(Exception):
    """Somebody joined or merged these people while we waited for them: look again."""


class People:
    """Locked leads by id and by address, and every visitor of the calls with those linked to it.

    Raises Moved when what was seen before the locks is not so any more.
    """

    def __init__(self, calls: Sequence[Call], *, now: datetime) -> None:
        named = {call.address.normal: call.address for call in calls if call.address}
        ids = {visitor_id for call in calls for visitor_id in (call.visitor_id, *_others(call))}
        seen = visitors.circles(ids)
        self.created = arrival.make(list(named.values()), now=now)
        merged = dict(sql.fetch(_ALIASES, [list(named)])) if named else {}
        known = [visitor for circle in seen.values() for visitor in circle]
        owners = {visitor.lead_id for visitor in known if visitor.lead_id is not None}
        self.rows = claiming.hold_all(list(named), [*owners, *merged.values()])
        by_address = {row["email_normal"]: row for row in self.rows.values()}
        self._by_address = {**by_address, **{name: self.rows.get(lead_id) for name, lead_id in merged.items()}}
        visitors.hold([visitor.id for visitor in known])
        if _told_apart(visitors.circles(ids)) != _told_apart(seen) or any(
            name not in self._by_address for name in named
        ):
            raise Moved
        self.visitors = {visitor.id: visitor for visitor in known}

    def at(self, address: addresses.Address) -> LeadRow:
        """The lead of this address."""
        row = self._by_address.get(address.normal)
        if row is None:
            raise Moved
        return row


def find_accounts(rows: Iterable[LeadRow], *, now: datetime) -> None:
    """Give people without an account that of their mail domain, made if it is new; one statement."""
    without: dict[str, list[LeadRow]] = {}
    for row in rows:
        domain = company_domain(row["email_domain"]) if row["company_id"] is None else None
        if domain:
            without.setdefault(domain, []).append(row)
    if not without:
        return
    first = [(domain, without[domain][0]) for domain in sorted(without)]
    columns = [[row[name] for _, row in first] for name in ("company_size", "industry", "country", "timezone")]
    names = [row["company_name"] or domain[: arrival.LONGEST_NAME] for domain, row in first]
    for domain, company_id in sql.fetch(_ACCOUNTS, [[domain for domain, _ in first], names, *columns, now]):
        for row in without[domain]:
            row.set("company_id", company_id)


def _others(call: Call) -> tuple[int, ...]:
    return call.previous_ids if call.browser_id is None else (call.browser_id, *call.previous_ids)


def _told_apart(circles: dict[int, list[Known]]) -> dict[int, set[Known]]:
    return {root: set(circle) for root, circle in circles.items()}
