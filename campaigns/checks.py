"""May this mail leave now? Pure. The checks run in one order, and the first that objects names itself in its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Go:
    pass


@dataclass(frozen=True, slots=True)
class Defer:
    """Later, not before `until`."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Never: the message ends in `state`. With `ends_run` the enrollment ends too, for `exit_reason`."""

    state: str
    reason: str
    exit_reason: str = ""


Verdict = Go | Defer | Drop


@dataclass(frozen=True, slots=True)
class Policy:
    """The workspace's rules: at most `cap_messages` marketing mails to a person in `cap_days` days."""

    cap_messages: int
    cap_days: int


@dataclass(slots=True)
class Case:
    """One message about to be sent. `suppressions`: (scope, topic id) pairs of its address. `marketing_times`: when
    the person was sent marketing mail inside the cap's days, in order."""

    is_marketing: bool
    topic_id: int | None
    expires_at: datetime | None
    attempts: int
    run_is_over: bool
    exit_reason: str
    suppressions: Sequence[tuple[str, int | None]] = ()
    marketing_times: list[datetime] = field(default_factory=list)
    is_shadow: bool = False


def enrollment(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    return Drop("canceled", "enrollment: it is over") if case.run_is_over else None


def exit_rules(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    if not case.exit_reason:
        return None
    return Drop("canceled", f"exit: {case.exit_reason}", exit_reason=case.exit_reason)


def consent(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """Everything binds all mail; all marketing and a topic bind marketing mail."""
    scopes = {scope for scope, _ in case.suppressions}
    if "everything" in scopes:
        return Drop("suppressed", "suppression: the address bounced or complained")
    if not case.is_marketing:
        return None
    if "marketing" in scopes:
        return Drop("suppressed", "suppression: unsubscribed", exit_reason="unsubscribed")
    if case.topic_id is not None and ("topic", case.topic_id) in case.suppressions:
        return Drop("suppressed", "suppression: opted out of the topic")
    return None


def lateness(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    if case.expires_at is not None and now > case.expires_at:
        return Drop("expired", f"late: not worth sending after {case.expires_at:%Y-%m-%d %H:%M} UTC")
    return None


def attempts(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    return Drop("failed", f"attempts: gave up after {case.attempts}") if case.attempts >= MOST_ATTEMPTS else None


def cap(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    if not case.is_marketing:
        return None
    span = timedelta(days=policy.cap_days)
    recent = sorted(at for at in case.marketing_times if at > now - span)
    if len(recent) < policy.cap_messages:
        return None
    until = recent[len(recent) - policy.cap_messages] + span
    return Defer(
        until,
        f"cap: {len(recent)} marketing mails in {policy.cap_days} days (cap {policy.cap_messages}); "
        f"next slot {until:%Y-%m-%d %H:%M} UTC",
    )


def holdout(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """The last of all: a mail of the control group is kept back where it would have left."""
    if not case.is_shadow or not case.is_marketing:
        return None
    return Drop("canceled", "holdout: in the control group, which gets no mail")


Check = Callable[[Case, Policy, datetime], Verdict | None]

# Send windows and rate limits take their place between lateness and cap.
ORDER: tuple[Check, ...] = (enrollment, exit_rules, consent, lateness, attempts, cap, holdout)


def verdict(case: Case, policy: Policy, now: datetime) -> Verdict:
    """The first objection in the order, or Go."""
    for check in ORDER:
        objection = check(case, policy, now)
        if objection is not None:
            return objection
    return Go()
