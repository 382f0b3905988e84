"""The people of a batch as rules and templates see them: their fields, their events, their zone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leads.facts import EventFacts
from leads.models import Lead, Workspace
from leads.rule_fields import VOCABULARY, lead_fields
from lifecycle.core import rules

_EXTRA = ("email", "address_hash", "phone", "company__name", "company__time_zone")


@dataclass(frozen=True, slots=True)
class Person:
    """`row`: columns of the lead by ORM path; `events`: the kinds that were asked for."""

    row: Mapping[str, Any]
    fields: Mapping[str, Any]
    events: Mapping[str, list[rules.EventFact]]
    zone: str

    def facts(self, since: datetime | None) -> rules.Facts:
        return rules.Facts(self.fields, self.events, since)


def load(bases: Mapping[int, datetime], needs: rules.Needs, workspace: Workspace) -> dict[int, Person]:
    """People by lead id; at most two queries. `bases`: lead id → the moment rules about them are evaluated at."""
    columns = {"id", *VOCABULARY.columns(), *_EXTRA}
    rows = Lead.objects.filter(pk__in=list(bases)).values(*sorted(columns))
    events = EventFacts(bases)
    events.load(needs)
    return {row["id"]: _person(row, events, workspace) for row in rows}


def _person(row: dict[str, Any], events: EventFacts, workspace: Workspace) -> Person:
    zone = row["timezone"] or row["company__time_zone"] or workspace.time_zone
    return Person(row, lead_fields(row), events.of(row["id"]), zone)


def merged(needs: Iterable[rules.Needs]) -> rules.Needs:
    return rules.Needs().merge(*needs)
