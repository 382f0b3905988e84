"""The whole engine in one process, without a broker: what the ticks of beat do, one after the other.

All that may have work are found by one look (`lifecycle.core.ticks`); the others are passed over.
"""

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
from lifecycle.core.ticks import Tick
from lifecycle.customers import checking
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
    tick = Tick(now)
    total = by_the_clock(tick)
    orders = True
    for _ in range(MOST_PASSES):
        # What people ordered and is not under way at this moment will not be in a later pass either.
        done = by_what_happened(tick, transport, sends=sends, orders=orders)
        orders = any(done[name] for name in ORDERS)
        total += done
        if not any(done.values()):
            break
    tick.run(pausing.finish_drains)
    tick.run(guarding.watch)
    tick.run(watching.watch)
    while sends and (sent := tick.run(alerting.send_alerts)):
        total["alerts"] += sent
    if sends:
        total["called"] += tick.run(webhooks.drain) or 0
        total["registrants"] += tick.run(registrants.drain) or 0
    total["judged"] += tick.run(judging.judge_due) or 0
    total["rehearsed"] += tick.run(rehearsals.run_due) or 0
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
    tick = Tick(now)
    done = by_the_clock(tick) + by_what_happened(tick, transport)
    done["alerts"] += tick.run(alerting.send_alerts) or 0
    return done


def by_the_clock(tick: Tick) -> Counter[str]:
    """What comes true by waiting alone: once at a moment is enough, since nothing that follows makes more of it due."""
    done: Counter[str] = Counter()
    done["unknown"] += tick.run(settling.expire) or 0
    tick.run(settling.send_unknown_again)
    done["decayed"] += tick.run(fading.drain) or 0
    done["tiers"] += tick.run(engagement.drain) or 0
    if settled := tick.run(attending.settle_due):
        done["attendance"] += settled.attended + settled.missed
    done["dates"] += tick.run(dates.sweep) or 0
    done["held"] += tick.run(meetings.sweep) or 0
    done["swept"] += tick.run(actions.sweep_stages) or 0
    done["segments"] += tick.run(segments.refresh_due) or 0
    tick.run(syncing.catch_up)
    tick.run(checking.go_on)
    return done


def by_what_happened(tick: Tick, transport: Transport, *, sends: bool = True, orders: bool = True) -> Counter[str]:
    """What one thing makes due for the next: events, runs, mails."""
    done: Counter[str] = Counter()
    done["inbox"] += tick.run(inbound.sweep) or 0
    if identified := tick.run(identity.drain):
        done["identified"] += identified.calls
    if processed := tick.run(pipeline.drain):
        done["events"] += processed.events
    done["entries"] += len(tick.run(waiting.expire) or [])  # after its people's events
    if orders:
        done["broadcasts"] += tick.run(broadcasts.run_due) or 0
        done["moved"] += tick.run(moving.finish_all) or 0
        done["backfilled"] += tick.run(launching.drain) or 0
    done["advanced"] += tick.run(runner.drain) or 0
    if sends and (sent := tick.run(outbox.drain, transport)):
        for name in ("sent", "deferred", "dropped", "failed", "unknown"):
            done[name] += getattr(sent, name)
    return done
