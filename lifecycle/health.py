"""Whether the process lives and whether the product works."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns.models import Enrollment, Message
from leads.models import PendingEvent, PendingIdentity
from lifecycle.core import clock, gate, sql
from lifecycle.integrations.models import InboxEvent
from lifecycle.models import Moment

ENGINE = "engine"
TICK_LATE_AFTER = timedelta(minutes=2)
DUE_LATE_AFTER = timedelta(minutes=15)
_TICKED = """
    INSERT INTO lifecycle_moment (name, at) VALUES (%b, %b) ON CONFLICT (name) DO UPDATE SET at = excluded.at
"""


def oldest_event() -> datetime | None:
    return earliest(PendingEvent.objects.filter(dead_at=None), "event__recorded_at")


def oldest_identity() -> datetime | None:
    return earliest(PendingIdentity.objects.filter(dead_at=None), "event__recorded_at")


def oldest_enrollment() -> datetime | None:
    return earliest(
        Enrollment.objects.filter(state=Enrollment.State.ACTIVE, is_held=False, due_at__isnull=False), "due_at"
    )


def oldest_message() -> datetime | None:
    return earliest(Message.objects.filter(state=Message.State.READY, is_held=False), "due_at")


def oldest_inbox_event() -> datetime | None:
    return earliest(InboxEvent.objects.filter(state__in=["waiting", "parked"]), "due_at")


def earliest(rows: "QuerySet[Any]", field: str) -> datetime | None:
    found: datetime | None = rows.order_by(field).values_list(field, flat=True).first()
    return found


# What waits, by name: the moment the oldest open piece of work became due, or None.
OLDEST_DUE: dict[str, Callable[[], datetime | None]] = {
    "webhook": oldest_inbox_event,
    "identity": oldest_identity,
    "event": oldest_event,
    "enrollment": oldest_enrollment,
    "message": oldest_message,
}


def record_tick(now: datetime, *, name: str = ENGINE) -> None:
    """Note that the engine finished a pass at `now`."""
    sql.execute(_TICKED, [name, now])


def problems(now: datetime) -> tuple[list[str], dict[str, object]]:
    """What keeps the product from working, in words, and the figures they were judged by."""
    figures: dict[str, object] = {}
    try:
        connection.ensure_connection()
        tick = Moment.objects.filter(name=ENGINE).values_list("at", flat=True).first()
        found = judge_tick(tick, now, figures)
        locked = gate.closed(now)
        found += [f"sending is locked: {locked}"] if locked else []
        for name, oldest in OLDEST_DUE.items():
            found += judge_due(name, oldest(), now, figures)
    except Error:
        return ["the database does not answer"], {"database": False}
    return found, {"database": True, **figures}


def judge_tick(tick: datetime | None, now: datetime, figures: dict[str, object]) -> list[str]:
    figures["engine_last_tick"] = tick.isoformat() if tick else None
    if tick is None:
        return ["the engine has not run yet"]
    if now - tick > TICK_LATE_AFTER:
        return [f"the engine last ran {int((now - tick).total_seconds())} s ago"]
    return []


def judge_due(name: str, due: datetime | None, now: datetime, figures: dict[str, object]) -> list[str]:
    age = max(0, int((now - due).total_seconds())) if due else 0
    figures[f"oldest_due_{name}_seconds"] = age
    return [f"the oldest {name} has been due for {age} s"] if age > DUE_LATE_AFTER.total_seconds() else []


@never_cache
@require_safe
def process(request: HttpRequest) -> HttpResponse:
    """200 as long as this process serves requests."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when mail can flow; 503 with the reasons otherwise."""
    found, figures = problems(clock.now())
    answer = JsonResponse({"ready": not found, "reasons": found, **figures}, status=503 if found else 200)
    # A probe asks every few seconds and gets the reasons: they need not fill the log as errors of the server.
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer
