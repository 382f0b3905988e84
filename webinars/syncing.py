"""Registrations that are to be as here in the system that the webinar is held in: what is wanted there, as rows.

Who carries them there is an integration; see `lifecycle.integrations.zoom.registrants`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from leads.batch import Batch
from lifecycle.core import sql, ticks
from lifecycle.core.deadlocks import atomic_with_retry
from webinars.models import RegistrantSync, Registration, Webinar

FOLLOWED = frozenset({"webinar.registered", "webinar.registration_canceled", "webinar.canceled"})
# Zoom is tried for a day; an address that could not be told by then is given up.
LONGEST = timedelta(days=2)
State = RegistrantSync.State
# A call that is under way goes on; who settles it sees that something else is wanted by now.
_WANT = """
    INSERT INTO webinars_registrantsync AS s (registration_id, wants, due_at)
    SELECT r.id, given.wants, %b::timestamptz
    FROM webinars_registration r JOIN webinars_webinar w ON w.id = r.webinar_id
    CROSS JOIN LATERAL (SELECT CASE WHEN r.state = 'registered' AND w.state = 'open' THEN 'add'
                                    WHEN r.state = 'canceled' OR w.state = 'canceled' THEN 'cancel' END) given (wants)
    LEFT JOIN webinars_registrantsync known ON known.registration_id = r.id
    WHERE w.zoom_id <> '' AND w.zoom_gone_at IS NULL AND w.state IN ('open', 'canceled')
      AND w.starts_at + make_interval(mins => w.minutes) > %b::timestamptz
      AND (%b::bigint[] IS NULL OR r.id = ANY(%b::bigint[]))
      AND CASE given.wants WHEN 'add' THEN known.wants = 'cancel' OR (known.id IS NULL AND r.zoom_registrant_id = '')
                           WHEN 'cancel' THEN known.wants = 'add' OR (known.id IS NULL AND r.zoom_registrant_id <> '')
                           ELSE false END
    ORDER BY r.id
    ON CONFLICT (registration_id) DO UPDATE
    SET wants = excluded.wants, attempts = 0, detail = '', due_at = excluded.due_at, done_at = NULL,
        state = CASE s.state WHEN 'sending' THEN 'sending' ELSE 'ready' END
    WHERE s.wants <> excluded.wants
"""
# Who registered at Zoom has no row until something is wanted there.
_NAME = """
    INSERT INTO webinars_registrantsync (registration_id, wants, due_at, attempts, detail)
    SELECT r.id, 'cancel', %b::timestamptz, 0, 'registered in Zoom'
    FROM webinars_registration r WHERE r.id = ANY(%b::bigint[]) AND r.zoom_registrant_id <> ''
    ON CONFLICT (registration_id) DO NOTHING
"""
# Left out: of whom Zoom was never told, who is canceled there already, and who is somebody else to Zoom.
_LET_GO = """
    UPDATE webinars_registrantsync s
    SET registration_id = NULL, webinar_id = w.id, zoom_id = w.zoom_id, registrant_id = r.zoom_registrant_id,
        email = l.email, address_hash = l.address_hash, wants = 'cancel', attempts = 0, detail = '',
        let_go_at = %b::timestamptz, due_at = %b::timestamptz, done_at = NULL,
        state = CASE s.state WHEN 'sending' THEN 'sending' ELSE 'ready' END
    FROM webinars_registration r JOIN webinars_webinar w ON w.id = r.webinar_id JOIN leads_lead l ON l.id = r.lead_id
    WHERE s.registration_id = r.id AND r.id = ANY(%b::bigint[]) AND w.zoom_id <> '' AND w.zoom_gone_at IS NULL
      AND w.starts_at + make_interval(mins => w.minutes) > %b::timestamptz
      AND NOT (r.zoom_registrant_id = '' AND s.wants = 'add'
               AND (s.state = 'done' OR s.state = 'ready' AND s.attempts = 0 AND s.detail = ''))
      AND NOT (s.wants = 'cancel' AND s.state = 'done')
"""
_OVER = "w.starts_at + make_interval(mins => w.minutes)"
# Of a call that is under way the address is in its worker's hands, who forgets it.
_GIVE_UP = f"""
    UPDATE webinars_registrantsync s
    SET email = '', state = 'failed', done_at = %b::timestamptz, lease_token = NULL, lease_until = NULL,
        detail = left('given up: Zoom could not be told. ' || s.detail, 250)
    FROM webinars_webinar w
    WHERE s.registration_id IS NULL AND w.id = s.webinar_id AND s.state IN ('ready', 'sending')
      AND (s.let_go_at < %b::timestamptz OR {_OVER} <= %b::timestamptz)
"""  # noqa: S608 - the SQL is ours
_FORGET = f"""
    DELETE FROM webinars_registrantsync s USING webinars_webinar w
    WHERE s.registration_id IS NULL AND w.id = s.webinar_id AND s.state IN ('done', 'failed')
      AND {_OVER} < %b::timestamptz
"""  # noqa: S608 - the SQL is ours


def follow(batch: Batch) -> int:
    """People got a seat or gave it back: the same is wanted where the webinar is held. How many are to be told of."""
    ids = {event.properties.get("registration") for event in batch.events if event.kind in FOLLOWED}
    found = [given for given in ids if isinstance(given, int)]
    return want(found, now=batch.now) if found else 0


def want(registration_ids: Sequence[int], *, now: datetime) -> int:
    """Ask for these registrations to be there as they are here; how many are to be carried over."""
    return sql.execute(_WANT, [now, now, list(registration_ids), list(registration_ids)])


@ticks.when("""
    EXISTS (SELECT FROM webinars_webinar
            WHERE zoom_id <> '' AND zoom_gone_at IS NULL AND starts_at + make_interval(mins => minutes) > %(now)b)
""")
@atomic_with_retry
def catch_up(*, now: datetime) -> int:
    """The same for all webinars to come: one that got its Zoom id later, and what nobody heard of."""
    return sql.execute(_WANT, [now, now, None, None])


def let_go(registration_ids: Sequence[int], *, now: datetime) -> int:
    """These registrations go with their person: who is known there is to be canceled there all the same; how many.

    The row outlives the registration, with the address that the call needs; it goes with the call's end (`forget`).
    """
    ids = list(registration_ids)
    sql.execute(_NAME, [now, ids])
    return sql.execute(_LET_GO, [now, now, ids, now])


@atomic_with_retry
def forget(*, now: datetime) -> int:
    """Give up addresses of who is gone that could not be told, and drop what is over; how many addresses."""
    given_up = sql.execute(_GIVE_UP, [now, now - LONGEST, now])
    sql.execute(_FORGET, [now - LONGEST])
    return given_up


def was_let_go(webinar: Webinar, *, registrant_id: str, address_hash: str, said_at: datetime) -> bool:
    """Whether this was said of somebody who is gone here, and before the system there knew of it."""
    is_them = Q(registrant_id=registrant_id) if registrant_id else Q(pk=None)
    is_them |= Q(address_hash=address_hash) if address_hash else Q(pk=None)
    is_old = ~Q(state=State.DONE) | Q(done_at__gte=said_at)
    return RegistrantSync.objects.filter(is_them, is_old, registration=None, webinar=webinar).exists()


def again(registration_ids: Sequence[int], *, now: datetime) -> int:
    """Try once more what failed, or tell again what was told, because a person says so; how many."""
    rows = RegistrantSync.objects.filter(registration__in=registration_ids).exclude(state=State.SENDING)
    return rows.update(state=State.READY, attempts=0, due_at=now, done_at=None, detail="asked for by hand")


@atomic_with_retry
def begin_anew(webinar_id: int, *, now: datetime) -> int:
    """The webinar is held elsewhere from now on: nobody is known there. How many are to be carried over."""
    Webinar.objects.filter(pk=webinar_id).update(zoom_gone_at=None, zoom_said_at=None)
    people = Registration.objects.filter(webinar=webinar_id)
    people.update(zoom_registrant_id="", zoom_said_at=None, join_url="")
    RegistrantSync.objects.filter(registration__in=people).delete()
    return want(list(people.values_list("pk", flat=True)), now=now)
