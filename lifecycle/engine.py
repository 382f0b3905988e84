"""The whole engine in one process, without a broker: what the ticks of beat do, one after the other."""

from collections import Counter
from datetime import datetime

from campaigns import launching
from campaigns.broadcasts import running as broadcasts
from campaigns.broadcasts import watching
from campaigns.editing import guarding, moving
from campaigns.experiments import judging
from campaigns.rehearsal import jobs as rehearsals
from campaigns.running import dates, pausing, runner, waiting, webhooks
from campaigns.sending import outbox, settling
from campaigns.sending.delivery.contract import Transport
from leads import actions, engagement, fading, identity, pipeline, segments
from lifecycle.health import record_tick
from lifecycle.integrations import inbound
from lifecycle.integrations.zoom import registrants
from lifecycle.sales import alerting, meetings
from webinars import attending, syncing

# Sending wakes sequences, whose next steps may be due at once, and so on; what needs more passes goes on next time.
MOST_PASSES = 50


def run(transport: Transport, *, now: datetime, sends: bool = True) -> dict[str, int]:
    """Process, advance and send until nothing is due at `now`. Counts of what was done, by name.

    Without `sends` nothing leaves the house: mails and alerts stay ready.
    """
    total = by_the_clock(now=now)
    orders = True
    for _ in range(MOST_PASSES):
        # What people ordered and is not under way at this moment will not be in a later pass either.
        done = by_what_happened(transport, now=now, sends=sends, orders=orders)
        orders = any(done[name] for name in ORDERS)
        total += done
        if not any(done.values()):
            break
    pausing.finish_drains(now=now)
    guarding.watch(now=now)
    watching.watch(now=now)
    while sends and (sent := alerting.send_alerts(now=now)):
        total["alerts"] += sent
    total["called"] += webhooks.drain(now=now) if sends else 0
    total["registrants"] += registrants.drain(now=now) if sends else 0
    total["judged"] += judging.judge_due(now=now)
    total["rehearsed"] += rehearsals.run_due(now=now)
    record_tick(now)
    return {name: total[name] for name in COUNTS}


COUNTS = (
    "dates",
    "inbox",
    "identified",
    "events",
    "attendance",
    "held",
    "decayed",
    "tiers",
    "swept",
    "segments",
    "entries",
    "broadcasts",
    "moved",
    "backfilled",
    "advanced",
    "sent",
    "deferred",
    "dropped",
    "failed",
    "unknown",
    "alerts",
    "called",
    "registrants",
    "judged",
    "rehearsed",
)

# Broadcasts, moves and launches: what people ordered, done in portions.
ORDERS = ("broadcasts", "moved", "backfilled")


def one_pass(transport: Transport, *, now: datetime) -> Counter[str]:
    """Each part once, to the end of what is due at this moment."""
    done = by_the_clock(now=now) + by_what_happened(transport, now=now)
    done["alerts"] += alerting.send_alerts(now=now)
    return done


def by_the_clock(*, now: datetime) -> Counter[str]:
    """What comes true by waiting alone: once at a moment is enough, since nothing that follows makes more of it due."""
    done: Counter[str] = Counter()
    done["unknown"] += settling.expire(now=now)
    settling.send_unknown_again(now=now)
    done["decayed"] += fading.drain(now=now)
    done["tiers"] += engagement.drain(now=now)
    settled = attending.settle_due(now=now)
    done["attendance"] += settled.attended + settled.missed
    done["dates"] += dates.sweep(now=now)
    done["held"] += meetings.sweep(now=now)
    done["swept"] += actions.sweep_stages(now=now)
    done["segments"] += segments.refresh_due(now=now)
    syncing.catch_up(now=now)
    return done


def by_what_happened(transport: Transport, *, now: datetime, sends: bool = True, orders: bool = True) -> Counter[str]:
    """What one thing makes due for the next: events, runs, mails."""
    done: Counter[str] = Counter()
    done["inbox"] += inbound.sweep(now=now)
    done["identified"] += identity.drain(now=now).calls
    done["events"] += pipeline.drain(now=now).events
    done["entries"] += len(waiting.expire(now=now))  # after its people's events
    if orders:
        done["broadcasts"] += broadcasts.run_due(now=now)
        done["moved"] += moving.finish_all(now=now)
        done["backfilled"] += launching.drain(now=now)
    done["advanced"] += runner.drain(now=now)
    if not sends:
        return done
    sent = outbox.drain(transport, now=now)
    for name in ("sent", "deferred", "dropped", "failed", "unknown"):
        done[name] += getattr(sent, name)
    return done
