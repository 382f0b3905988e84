"""Registrations that are to be as here in the system that the webinar is held in: what is wanted there, as rows.

Who carries them there is an integration; see `lifecycle.integrations.zoom.registrants`.
"""

from collections.abc import Sequence
from datetime import datetime

from leads.batch import Batch
from lifecycle.core import sql
from lifecycle.core.deadlocks import atomic_with_retry
from webinars.models import RegistrantSync, Registration, Webinar

FOLLOWED = frozenset({"webinar.registered", "webinar.registration_canceled"})
State = RegistrantSync.State
# A call that is under way goes on; who settles it sees that something else is wanted by now.
_WANT = """
    INSERT INTO webinars_registrantsync AS s (registration_id, wants, due_at)
    SELECT r.id, CASE r.state WHEN 'registered' THEN 'add' ELSE 'cancel' END, %b::timestamptz
    FROM webinars_registration r JOIN webinars_webinar w ON w.id = r.webinar_id
    LEFT JOIN webinars_registrantsync known ON known.registration_id = r.id
    WHERE w.zoom_id <> '' AND w.zoom_gone_at IS NULL AND w.state = 'open'
      AND w.starts_at + make_interval(mins => w.minutes) > %b::timestamptz
      AND (%b::bigint[] IS NULL OR r.id = ANY(%b::bigint[]))
      AND CASE r.state WHEN 'registered' THEN known.wants = 'cancel' OR (known.id IS NULL AND r.zoom_registrant_id = '')
                       WHEN 'canceled' THEN known.wants = 'add' OR (known.id IS NULL AND r.zoom_registrant_id <> '')
                       ELSE false END
    ORDER BY r.id
    ON CONFLICT (registration_id) DO UPDATE
    SET wants = excluded.wants, attempts = 0, detail = '', due_at = excluded.due_at, done_at = NULL,
        state = CASE s.state WHEN 'sending' THEN 'sending' ELSE 'ready' END
    WHERE s.wants <> excluded.wants
"""


def follow(batch: Batch) -> int:
    """People got a seat or gave it back: the same is wanted where the webinar is held. How many are to be told of."""
    ids = {event.properties.get("registration") for event in batch.events if event.kind in FOLLOWED}
    found = [given for given in ids if isinstance(given, int)]
    return want(found, now=batch.now) if found else 0


def want(registration_ids: Sequence[int], *, now: datetime) -> int:
    """Ask for these registrations to be there as they are here; how many are to be carried over."""
    return sql.execute(_WANT, [now, now, list(registration_ids), list(registration_ids)])


@atomic_with_retry
def catch_up(*, now: datetime) -> int:
    """The same for all webinars to come: one that got its Zoom id later, and what nobody heard of."""
    return sql.execute(_WANT, [now, now, None, None])


def again(registration_ids: Sequence[int], *, now: datetime) -> int:
    """Try once more what failed, or tell again what was told, because a person says so; how many."""
    rows = RegistrantSync.objects.filter(registration__in=registration_ids).exclude(state=State.SENDING)
    return rows.update(state=State.READY, attempts=0, due_at=now, done_at=None, detail="asked for by hand")


@atomic_with_retry
def begin_anew(webinar_id: int, *, now: datetime) -> int:
    """The webinar is held elsewhere from now on: nobody is known there. How many are to be carried over."""
    Webinar.objects.filter(pk=webinar_id).update(zoom_gone_at=None, zoom_said_at=None)
    people = Registration.objects.filter(webinar=webinar_id)
    RegistrantSync.objects.filter(registration__in=people).delete()
    people.update(zoom_registrant_id="", zoom_said_at=None, join_url="")
    return want(list(people.values_list("pk", flat=True)), now=now)
