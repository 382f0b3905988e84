"""Carry registrations to Zoom, and bring back what Zoom calls them and the link that is theirs alone.

As with other calls out: a claim commits a lease, the call runs with no transaction open, its outcome is settled fenced
by the lease's token. A call whose worker died is made again: Zoom knows a registrant by the address.
"""

import random
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import NamedTuple

from django.conf import settings

from leads import log
from leads.log import NewEvent
from lifecycle.core import gate, sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from lifecycle.integrations.zoom.client import Account, Client, Declined, Person, Registrant, Unavailable
from webinars import telling
from webinars.models import RegistrantSync, Registration

AT_ONCE = 4
BATCH = 20
LEASE = timedelta(minutes=5)
# A turn of a worker, so that a slow Zoom neither keeps it from all else nor meets the task's time limit.
SECONDS = 60.0
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (0.25, 1, 5, 15, 60, 180, 360, 720))
MOST_ATTEMPTS = len(BACKOFF) + 1

State = RegistrantSync.State
# Of whom nothing is left here, the row itself says who it was; whoever comes again waits until that is through.
_CLAIM = """
    SELECT s.id, s.registration_id, s.wants, s.attempts + 1, coalesce(nullif(s.zoom_id, ''), w.zoom_id),
           CASE WHEN w.zoom_gone_at IS NOT NULL AND s.zoom_id IN ('', w.zoom_id) THEN 'gone'
                WHEN w.starts_at + make_interval(mins => w.minutes) <= %b::timestamptz THEN 'over' ELSE '' END,
           coalesce(r.zoom_registrant_id, s.registrant_id), coalesce(l.email, s.email), coalesce(l.first_name, ''),
           coalesce(l.last_name, ''), coalesce(l.company_name, ''), coalesce(l.job_title, '')
    FROM webinars_registrantsync s LEFT JOIN webinars_registration r ON r.id = s.registration_id
    LEFT JOIN leads_lead l ON l.id = r.lead_id JOIN webinars_webinar w ON w.id = coalesce(r.webinar_id, s.webinar_id)
    WHERE (s.state = 'ready' AND s.due_at <= %b OR s.state = 'sending' AND s.lease_until < clock_timestamp())
      AND NOT EXISTS (SELECT FROM webinars_registrantsync gone
                      WHERE gone.registration_id IS NULL AND gone.id < s.id AND gone.state IN ('ready', 'sending')
                        AND gone.webinar_id = w.id AND gone.zoom_id = coalesce(nullif(s.zoom_id, ''), w.zoom_id)
                        AND gone.address_hash = coalesce(l.address_hash, s.address_hash))
    ORDER BY s.due_at, s.id LIMIT %b FOR NO KEY UPDATE OF s SKIP LOCKED
"""
_TAKE = """
    UPDATE webinars_registrantsync
    SET state = 'sending', attempts = attempts + 1, lease_token = %b, lease_until = clock_timestamp() + %b
    WHERE id = ANY(%b::bigint[])
"""
# What is wanted may have changed during the call: then it begins anew.
_SETTLE = """
    UPDATE webinars_registrantsync s
    SET state = CASE WHEN s.wants = given.did THEN given.state ELSE 'ready' END,
        detail = given.detail,
        attempts = CASE WHEN s.wants = given.did THEN given.attempts ELSE 0 END,
        due_at = CASE WHEN s.wants = given.did THEN coalesce(given.due_at, s.due_at) ELSE %b::timestamptz END,
        done_at = CASE WHEN s.wants = given.did AND given.state <> 'ready' THEN %b::timestamptz END,
        email = CASE WHEN s.wants = given.did AND given.state <> 'ready' THEN '' ELSE s.email END,
        registrant_id = CASE WHEN s.registration_id IS NULL THEN coalesce(nullif(given.named, ''), s.registrant_id)
                        ELSE '' END,
        lease_token = NULL, lease_until = NULL
    FROM unnest(%b::bigint[], %b::text[], %b::text[], %b::text[], %b::smallint[], %b::timestamptz[], %b::text[])
        AS given (id, did, state, detail, attempts, due_at, named)
    WHERE s.id = given.id AND s.state = 'sending' AND s.lease_token = %b
"""
# Their events point at the leads: these come first, as in every transaction about a registration.
_HOLD = """
    SELECT l.id FROM leads_lead l JOIN webinars_registration r ON r.lead_id = l.id WHERE r.id = ANY(%b::bigint[])
    ORDER BY l.id FOR KEY SHARE OF l
"""
# An id that another registration has already stays theirs: two of our people with one address at Zoom.
_LINK = """
    UPDATE webinars_registration r SET zoom_registrant_id = given.registrant_id, join_url = given.join_url
    FROM (SELECT DISTINCT ON (w.webinar_id, g.registrant_id) g.*
          FROM unnest(%b::bigint[], %b::text[], %b::text[]) AS g (id, registrant_id, join_url)
          JOIN webinars_registration w ON w.id = g.id ORDER BY w.webinar_id, g.registrant_id, g.id) AS given
    WHERE r.id = given.id AND (r.zoom_registrant_id, r.join_url) IS DISTINCT FROM (given.registrant_id, given.join_url)
      AND NOT EXISTS (SELECT 1 FROM webinars_registration other WHERE other.webinar_id = r.webinar_id
                      AND other.zoom_registrant_id = given.registrant_id AND other.id <> r.id)
    RETURNING r.id
"""


class Order(NamedTuple):
    """`attempts`: this one included. Without `registration_id` the person is gone here. `ended`: over, gone, or ""."""

    id: int
    registration_id: int | None
    wants: str
    attempts: int
    zoom_id: str
    ended: str
    registrant_id: str
    email: str
    first_name: str
    last_name: str
    company: str
    job_title: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`due_at` is when to try again; None ends the order in `state`. One that was not tried counts no attempt."""

    order: Order
    state: str
    detail: str
    due_at: datetime | None = None
    registrant: Registrant | None = None
    is_tried: bool = True


class Round:
    """A turn. When Zoom asks for a pause, or does not know us, the rest of the turn is left for later."""

    def __init__(self, client: Client, *, now: datetime) -> None:
        self.client, self.now = client, now
        self.pause: Unavailable | None = None

    def carry(self, order: Order) -> Outcome:
        """Tell Zoom of one registration. No database."""
        if order.ended == "gone" and order.wants == "cancel":
            return Outcome(order, State.DONE, "deleted in Zoom")
        if order.ended:
            return Outcome(order, State.FAILED, "too late: the webinar is over, or was deleted in Zoom")
        if self.pause:
            return self._rest(order, self.pause)
        try:
            registrant = self._told(order)
        except Declined as why:
            return Outcome(order, State.FAILED, str(why))
        except Unavailable as failure:
            if not failure.rests:
                return self._later(order, failure)
            self.pause = failure
            return self._rest(order, failure)
        return Outcome(order, State.DONE, "added" if registrant else "canceled", registrant=registrant)

    def _told(self, order: Order) -> Registrant | None:
        if order.wants == "cancel":
            self.client.cancel(order.zoom_id, order.registrant_id, order.email, now=self.now)
            return None
        person = Person(order.email, order.first_name, order.last_name, order.company, order.job_title)
        return self.client.add(order.zoom_id, person, now=self.now)

    def _rest(self, order: Order, failure: Unavailable) -> Outcome:
        wait = failure.wait or BACKOFF[0]
        due = self.now + wait * random.uniform(1, 1.2)
        return Outcome(order, State.READY, str(failure)[:250], due, is_tried=False)

    def _later(self, order: Order, failure: Unavailable) -> Outcome:
        if order.attempts >= MOST_ATTEMPTS:
            return Outcome(order, State.FAILED, f"{failure}; gave up after {order.attempts} attempts"[:250])
        own = BACKOFF[order.attempts - 1] * random.uniform(0.8, 1.2)
        return Outcome(order, State.READY, str(failure)[:250], self.now + max(own, failure.wait or timedelta()))


@ticks.when("""
    EXISTS (SELECT FROM webinars_registrantsync WHERE state = 'ready' AND due_at <= %(now)b)
    OR EXISTS (SELECT FROM webinars_registrantsync WHERE state = 'sending' AND lease_until < clock_timestamp())
""")
def drain(*, now: datetime, seconds: float = SECONDS) -> int:
    """Tell Zoom what is due at `now`, for about so many seconds; how many were told. Nothing through a closed gate."""
    account = Account.of_settings()
    if account is None or settings.DEMO or gate.closed(now):
        return 0
    turn, total, until = Round(client_of(account), now=now), 0, monotonic() + seconds
    while monotonic() < until and not turn.pause:
        token, orders = claim(now=now)
        if not orders:
            break
        with ThreadPoolExecutor(AT_ONCE) as pool:
            outcomes = list(pool.map(turn.carry, orders))
        settle(token, outcomes, now=now)
        total += sum(outcome.is_tried for outcome in outcomes)
    return total


@lru_cache(maxsize=4)
def client_of(account: Account) -> Client:
    """One client a process, so that its token serves until it ends."""
    return Client(account)


@atomic_with_retry
def claim(*, now: datetime, limit: int = BATCH) -> tuple[uuid.UUID, list[Order]]:
    """Take due orders under a lease; attempts count from here, so a call that kills its worker ends too."""
    token = uuid.uuid4()
    orders = [Order(*row) for row in sql.fetch(_CLAIM, [now, now, limit])]
    if orders:
        sql.execute(_TAKE, [token, LEASE, [order.id for order in orders]])
    return token, orders


@atomic_with_retry
def settle(token: uuid.UUID, outcomes: Sequence[Outcome], *, now: datetime) -> None:
    """Write what became of a claim's orders. What Zoom calls somebody is kept even if another worker has the order."""
    columns = [
        [one.order.id for one in outcomes],
        [one.order.wants for one in outcomes],
        [one.state for one in outcomes],
        [one.detail[:250] for one in outcomes],
        [one.order.attempts - (not one.is_tried) for one in outcomes],
        [one.due_at for one in outcomes],
        [one.registrant.id if one.registrant else "" for one in outcomes],
    ]
    _link([one for one in outcomes if one.registrant], now=now)
    sql.execute(_SETTLE, [now, now, *columns, token])


def _link(added: Sequence[Outcome], *, now: datetime) -> None:
    """Their own link is news to the mails that are still to come: they go on with it."""
    known = {one.order.registration_id: one.registrant for one in added if one.registrant and one.order.registration_id}
    if not known:
        return
    sql.fetch(_HOLD, [list(known)])
    columns = [list(known), [one.id for one in known.values()], [one.join_url for one in known.values()]]
    changed = [row[0] for row in sql.fetch(_LINK, columns)]
    people = Registration.objects.filter(pk__in=changed, state=Registration.State.REGISTERED)
    events = [
        _told(one)
        for one in people.select_related("lead", "webinar").prefetch_related("webinar__speakers")
        if one.join_url
    ]
    log.write(events, now=now, pending=True)


def _told(registration: Registration) -> NewEvent:
    """Only what changed: it joins what the mails of a run know already."""
    known = telling.properties(registration, registration.webinar)
    said = {name: known[name] for name in ("webinar", "registration", "join_url", "google_url", "outlook_url")}
    key = f"link:{registration.pk}:{registration.sequence}:{registration.join_url}"[:200]
    return NewEvent(registration.lead_id, "webinar.link_changed", said, source=telling.SOURCE, key=key)
