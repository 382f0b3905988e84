"""What the facts say about the person: whether they are a client, on which plan, and what renews when. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from lifecycle.core import money

# The attributes of a lead that are kept here. Rules, mails and date triggers read them; nobody else writes them for
# somebody who has (had) a subscription.
PLAN, STATE, DATE = "plan", "subscription_state", "renewal_date"
DAY = "renewal_day"  # the same date as mails say it: "1 March 2027"
AMOUNT, CURRENCY = "renewal_amount", "renewal_currency"
CANCELING = "canceling"
LONGEST_PLAN = 200
# What is shown of somebody with several subscriptions: the one that needs looking after.
_GRAVEST = ("past_due", CANCELING, "trial", "active", "ended")


class Plan(NamedTuple):
    """A subscription, as far as it says something about the person."""

    reference: str
    state: str
    plan: str
    amount: Decimal | None
    currency: str
    interval_months: int
    started_at: datetime
    renews_at: datetime | None
    ends_at: datetime | None
    ended_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.state != "ended"

    @property
    def shown_state(self) -> str:
        leaves = self.state in ("active", "trial") and self.renews_at is None and self.ends_at is not None
        return CANCELING if leaves else self.state


class Bought(NamedTuple):
    """Payments that belong to no subscription: the last that was not wholly given back, the last that was."""

    kept_at: datetime | None = None
    lost_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`long_months`: what renews less often than that is reminded of; a monthly bill needs no reminder."""

    long_months: int
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Standing:
    """`is_client`: None where no fact says anything. `attributes`: name → value, None where there is to be none."""

    is_client: bool | None
    lost_at: datetime | None
    attributes: Mapping[str, Any]


NOTHING = Standing(None, None, {})


def standing(plans: Sequence[Plan], bought: Bought, settings: Settings) -> Standing:
    """Everything at once, from all the facts of a person, so that it does not matter in which order they came."""
    if not plans and bought == Bought():
        return NOTHING
    live = [plan for plan in plans if plan.is_live]
    ended_at = max((plan.ended_at for plan in plans if plan.ended_at), default=None)
    # Whose last subscription ended is no client until they buy again: what they bought before it is over with it.
    bought_since = bought.kept_at is not None and (ended_at is None or bought.kept_at > ended_at)
    lost_at = max((at for at in (ended_at, bought.lost_at) if at), default=None)
    return Standing(bool(live) or bought_since, lost_at, _attributes(plans, live, settings) if plans else {})


def is_client(found: Standing, *, stage: str, stage_since: datetime, created_at: datetime) -> bool | None:
    """What to note of the person; None to leave it. Whom somebody made a customer after all was over, stays one.

    A stage that is as old as the lead is no later word: it came with what is told now.
    """
    is_over = found.is_client is False and stage == "customer" and found.lost_at is not None
    if is_over and found.lost_at and stage_since > max(found.lost_at, created_at):
        return None
    return found.is_client


def merged(attributes: Mapping[str, Any], found: Standing) -> dict[str, Any]:
    """A lead's attributes with these among them."""
    kept = {name: value for name, value in attributes.items() if name not in found.attributes}
    return kept | {name: value for name, value in found.attributes.items() if value is not None}


def _attributes(plans: Sequence[Plan], live: Sequence[Plan], settings: Settings) -> dict[str, Any]:
    shown = live or [max(plans, key=lambda plan: (plan.ended_at or plan.started_at, plan.reference))]
    renewing = next_renewal(live, settings)
    day = renewing.renews_at.astimezone(settings.zone) if renewing and renewing.renews_at else None
    return {
        PLAN: _names(shown),
        STATE: min((plan.shown_state for plan in shown), key=_GRAVEST.index),
        DATE: day.date().isoformat() if day else None,
        DAY: f"{day.day} {day:%B %Y}" if day else None,
        AMOUNT: _amount(renewing),
        CURRENCY: (renewing.currency or None) if renewing and renewing.amount is not None else None,
    }


def next_renewal(plans: Iterable[Plan], settings: Settings) -> Plan | None:
    """Of the live subscriptions with long periods, the one that renews first. A trial's end is no renewal."""
    long = [
        plan
        for plan in plans
        if plan.renews_at and plan.state in ("active", "past_due") and plan.interval_months >= settings.long_months
    ]
    return min(long, key=lambda plan: (plan.renews_at, plan.reference), default=None)


def _names(plans: Iterable[Plan]) -> str | None:
    ordered = sorted(plans, key=lambda plan: (plan.started_at, plan.reference))
    return ", ".join(dict.fromkeys(plan.plan for plan in ordered if plan.plan))[:LONGEST_PLAN] or None


def _amount(plan: Plan | None) -> str | None:
    """As it stands in a mail: "1188.00"."""
    if plan is None or plan.amount is None:
        return None
    return str(money.rounded(plan.amount, plan.currency))
