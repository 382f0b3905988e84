"""POST /v1/… as Segment's SDKs send it."""

from django.http import HttpRequest, HttpResponse

from leads.tracking import LARGEST_CALL, MOST_IN_BATCH, Delivery
from lifecycle.api.tracking import bodies, callers, taking
from lifecycle.api.tracking.answers import Refused, door, told
from lifecycle.core import clock


@door
def one(request: HttpRequest, call: str) -> HttpResponse:
    """A call by itself: taken, or 400 with what is wrong with it."""
    now = clock.now()
    raw, envelope = bodies.opened(bodies.read(request, most=LARGEST_CALL))
    caller = callers.of(request, envelope.write_key, now=now)
    accepted = taking.take(Delivery([raw], call, is_public=caller.is_public), key=caller.key, now=now)
    for wrong in accepted.refused:
        raise Refused(400, "invalid", wrong.reason, fields={wrong.field: [wrong.reason]} if wrong.field else None)
    taking.react(accepted, at_once=True, now=now)
    return told({"success": True})


@door
def batch(request: HttpRequest) -> HttpResponse:
    """Many calls: those that read are taken, each of the others is named in the answer."""
    now = clock.now()
    _, envelope = bodies.opened(bodies.read(request, most=bodies.LARGEST_BATCH))
    caller = callers.of(request, envelope.write_key, now=now)
    if envelope.batch is None:
        raise Refused(400, "invalid", "batch is missing: a list of calls.", fields={"batch": ["It is missing."]})
    if len(envelope.batch) > MOST_IN_BATCH:
        raise Refused(413, "too_large", f"A batch has at most {MOST_IN_BATCH:,} calls.")
    raws = [bytes(raw) for raw in envelope.batch]
    delivery = Delivery(raws, sent_at=envelope.sent_at, is_public=caller.is_public)
    accepted = taking.take(delivery, key=caller.key, now=now)
    taking.react(accepted, at_once=False, now=now)
    rejected = [{"index": no.index, "message_id": no.message_id, "reason": no.reason} for no in accepted.refused]
    return told({"success": True, "rejected": rejected} if rejected else {"success": True})


@door
def nothing(request: HttpRequest) -> HttpResponse:
    raise Refused(404, "not_found", "There is no such call; docs/tracking.md lists those there are.")
