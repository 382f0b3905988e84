"""What changed of a person, as a line that a reader understands: Became a customer, Plan: Pro. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

# Columns whose names say little, or nothing, to a reader.
NAMED = {
    "attributes": "further details",
    "company_name": "company",
    "is_client": "customer or not",
    "audience_type": "B2B or B2C",
    "timezone": "time zone",
}
STATES = {
    "past_due": "a payment is overdue",
    "canceling": "canceled, runs until its end",
    "trial": "on trial",
    "ended": "ended",
}
# Where it came from, when that is worth saying; what people do themselves says so in a line of its own.
SOURCES = {"customers": "by what they bought", "sequence": "by a sequence", "calendly": "said when booking"}


def told(properties: Mapping[str, Any], source: str) -> tuple[str, str]:
    """The event lead.updated as a title and what else is worth reading. `source`: of the event, where it names none."""
    parts = [*_of_customer(properties)]
    if parts:
        return parts[0], " · ".join(parts[1:])
    fields = properties.get("fields")
    names = [NAMED.get(str(name), str(name).replace("_", " ")) for name in fields] if isinstance(fields, list) else []
    origin = str(properties.get("source") or source)
    detail = SOURCES.get(origin, "" if origin in ("engine", "api", "admin") else origin)
    return (f"Details changed: {', '.join(names)}" if names else "Details changed"), detail


def _of_customer(told: Mapping[str, Any]) -> Iterator[str]:
    if (client := told.get("is_client")) is not None:
        yield "Became a customer" if client else "Is no customer any more"
    if plan := told.get("plan"):
        day, state = told.get("renewal_day"), STATES.get(str(told.get("subscription_state") or ""), "")
        yield ", ".join([f"Plan: {plan}", *([f"renews {day}"] if day else []), *([state] if state else [])])
    kind = str(told.get("audience_type") or "").upper()
    if audience := told.get("primary_audience"):
        yield f"Audience: {audience} ({kind})" if kind else f"Audience: {audience}"
    elif kind:
        yield f"Audience: {kind}"
