"""May this mail leave now? Pure. The checks run in one order, and the first that objects names itself in its reason."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from campaigns.engine import windows
from campaigns.engine.windows import Window

MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Go:
    pass


@dataclass(frozen=True, slots=True)
class Defer:
    """Later, not before `until`. `values`: the figures of the reason."""

    until: datetime
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Drop:
    """Never: the message ends in `state`. With `ends_run` the enrollment ends too, for `exit_reason`."""

    state: str
    reason: str
    exit_reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)
    exit_event: int | None = None


Verdict = Go | Defer | Drop


@dataclass(frozen=True, slots=True)
class Policy:
    """The workspace's rules: at most `cap_messages` marketing mails to a person in `cap_days` days."""

    cap_messages: int
    cap_days: int


@dataclass(frozen=True, slots=True)
class Rate:
    """The sender account is used up for now; `until` is the mail's turn."""

    account: str
    per_second: float
    until: datetime


@dataclass(slots=True)
class Case:
    """One message about to be sent. `suppressions`: (scope, topic id) pairs of its address. `marketing_times`: when
    the person was sent marketing mail inside the cap's days; `promised`: the later slots that other mails of theirs
    were told just now. `rate`: why the sender account cannot take it now, None if it can.

    `due_from`: before this it is too early, its date having moved. It may leave inside `window` and outside `quiet`
    (None: at any time) of the clocks in `zone`; `holidays` are the person's. Since `sunset_at` marketing rests."""

    is_marketing: bool
    topic_id: int | None
    expires_at: datetime | None
    attempts: int
    run_is_over: bool
    exit_reason: str
    suppressions: Sequence[tuple[str, int | None]] = ()
    marketing_times: list[datetime] = field(default_factory=list)
    promised: list[datetime] = field(default_factory=list)
    rate: Rate | None = None
    is_shadow: bool = False
    due_from: datetime | None = None
    window: Window | None = None
    quiet: Window | None = None
    zone: str = "UTC"
    holidays: Collection[date] = ()
    exit_event: int | None = None
    sunset_at: datetime | None = None


def enrollment(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    return Drop("canceled", "enrollment: it is over") if case.run_is_over else None


def exit_rules(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    if not case.exit_reason:
        return None
    reason = f"exit: {case.exit_reason}"
    return Drop("canceled", reason, exit_reason=case.exit_reason, exit_event=case.exit_event)


def consent(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """Everything binds all mail; all marketing, a topic and a missing confirmation bind marketing mail."""
    scopes = {scope for scope, _ in case.suppressions}
    if "everything" in scopes:
        return Drop("suppressed", "suppression: the address bounced or complained")
    if not case.is_marketing:
        return None
    if "unconfirmed" in scopes:
        return Drop("suppressed", "suppression: the address was never confirmed")
    if "marketing" in scopes:
        return Drop("suppressed", "suppression: unsubscribed", exit_reason="unsubscribed")
    if case.topic_id is not None and ("topic", case.topic_id) in case.suppressions:
        return Drop("suppressed", "suppression: opted out of the topic")
    return None


def sunset(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """Of whom nothing was heard for long gets no marketing mail, until they act. It is no opt-out."""
    if not case.is_marketing or case.sunset_at is None:
        return None
    reason = f"sunset: nothing was heard of the person, marketing rests since {case.sunset_at:%Y-%m-%d %H:%M} UTC"
    return Drop("suppressed", reason, exit_reason="sunset", values={"since": case.sunset_at})


def lateness(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    if case.expires_at is not None and now > case.expires_at:
        return Drop("expired", f"late: not worth sending after {case.expires_at:%Y-%m-%d %H:%M} UTC")
    return None


def moved(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """A reminder whose date was put off while it waited: it waits for the new one."""
    if case.due_from is None or now >= case.due_from:
        return None
    return Defer(
        case.due_from,
        f"date: it was put off; not before {case.due_from:%Y-%m-%d %H:%M} UTC",
        {"until": case.due_from},
    )


def window(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """Hours of the person's clock, for marketing: those of the sequence or the step, and the workspace's quiet ones."""
    if not case.is_marketing:
        return None
    shut = _shut(case, now)
    if not shut:
        return None
    open_hours = [each for each in (case.window, case.quiet and case.quiet.complement) if each]
    opening = windows.next_open(open_hours, now, zone=case.zone, holidays=case.holidays)
    until = opening or now + timedelta(days=1)
    when = f"next opening {until:%Y-%m-%d %H:%M} UTC" if opening else "it never opens outside the quiet hours"
    return Defer(until, f"window: {shut} in {case.zone}; {when}", {"until": until})


def _shut(case: Case, now: datetime) -> str:
    """Why it may not leave at this hour, \"\" if it may."""
    if case.window and not case.window.contains(now, zone=case.zone, holidays=case.holidays):
        is_holiday = case.window.contains(now, zone=case.zone)
        return f"closed on a holiday, open {case.window.words()}" if is_holiday else f"outside {case.window.words()}"
    if case.quiet and case.quiet.contains(now, zone=case.zone):
        return f"quiet hours {case.quiet.words()}"
    return ""


def attempts(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    return Drop("failed", f"attempts: gave up after {case.attempts}") if case.attempts >= MOST_ATTEMPTS else None


def cap(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    if not case.is_marketing:
        return None
    span = timedelta(days=policy.cap_days)
    recent = sorted(at for at in case.marketing_times if at > now - span)
    if len(recent) < policy.cap_messages:
        return None
    taken = sorted([*recent, *case.promised])
    until = taken[len(taken) - policy.cap_messages] + span
    return Defer(
        until,
        f"cap: {len(recent)} marketing mails in {policy.cap_days} days (cap {policy.cap_messages}); "
        f"next slot {until:%Y-%m-%d %H:%M} UTC",
        {"count": len(recent), "cap": policy.cap_messages, "days": policy.cap_days, "until": until},
    )


def rate(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """The last before it leaves, so that no other check wastes a turn."""
    if case.rate is None:
        return None
    account, per_second, until = case.rate.account, case.rate.per_second, case.rate.until
    return Defer(
        until,
        f"rate: {account} takes {per_second:g} a second; next slot {until:%Y-%m-%d %H:%M} UTC",
        {"account": account, "per_second": per_second, "until": until},
    )


def holdout(case: Case, policy: Policy, now: datetime) -> Verdict | None:
    """The last of all: a mail of the control group is kept back where it would have left."""
    if not case.is_shadow or not case.is_marketing:
        return None
    return Drop("canceled", "holdout: in the control group, which gets no mail")


Check = Callable[[Case, Policy, datetime], Verdict | None]

ORDER: tuple[Check, ...] = (
    enrollment,
    exit_rules,
    consent,
    sunset,
    lateness,
    attempts,
    moved,
    window,
    cap,
    holdout,
    rate,
)


# A mail that is put off beyond its own end is looked at once more just after it.
JUST_AFTER = timedelta(seconds=1)


def verdict(case: Case, policy: Policy, now: datetime) -> Verdict:
    """The first objection in the order, or Go."""
    for check in ORDER:
        objection = check(case, policy, now)
        if isinstance(objection, Defer) and case.expires_at is not None and objection.until > case.expires_at:
            return replace(objection, until=max(case.expires_at, now) + JUST_AFTER)
        if objection is not None:
            return objection
    return Go()


def _suppressions_seen(case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    return {"scopes": sorted({scope for scope, _ in case.suppressions})} if case.suppressions else {}


def _sunset_seen(case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    return {"since": case.sunset_at} if case.is_marketing and case.sunset_at is not None else {}


def _lateness_seen(case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    return {} if case.expires_at is None else {"expires_at": case.expires_at}


def _window_seen(case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    if not case.is_marketing or not (case.window or case.quiet):
        return {}
    shown = {"quiet": case.quiet.to_json()} if case.quiet else {}
    return {**(case.window.to_json() if case.window else {}), **shown, "zone": case.zone}


def _attempts_seen(case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    return {"count": case.attempts} if case.attempts else {}


def _cap_seen(case: Case, policy: Policy, now: datetime) -> dict[str, Any]:
    if not case.is_marketing:
        return {}
    recent = sum(at > now - timedelta(days=policy.cap_days) for at in case.marketing_times)
    return {"count": recent, "cap": policy.cap_messages, "days": policy.cap_days}


# The figures that checks look at, by the name their reasons start with, in their order.
FIGURES: tuple[tuple[str, Callable[[Case, Policy, datetime], dict[str, Any]]], ...] = (
    ("suppression", _suppressions_seen),
    ("sunset", _sunset_seen),
    ("late", _lateness_seen),
    ("attempts", _attempts_seen),
    ("window", _window_seen),
    ("cap", _cap_seen),
)


def seen(case: Case, policy: Policy, now: datetime, found: Verdict) -> dict[str, Any]:
    """What the checks had before them, compactly, to the one that objected: {check: values}. It is kept with the mail.

    The one that objected says "later" or "never" under "said".
    """
    objector = "" if isinstance(found, Go) else found.reason.partition(":")[0]
    values: dict[str, Any] = {}
    for name, figures in () if objector in ("enrollment", "exit") else FIGURES:
        shown = figures(case, policy, now)
        if shown:
            values[name] = shown
        if name == objector:
            break
    if isinstance(found, Go):
        return values
    said = "later" if isinstance(found, Defer) else "never"
    return values | {objector: {**values.get(objector, {}), **found.values, "said": said}}
