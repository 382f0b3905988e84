"""The people of a batch as rules and templates see them: their fields, their events, their zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from leads.facts import EventFacts
from leads.models import Lead, Workspace
from leads.rule_fields import VOCABULARY, lead_fields
from lifecycle.core import rules, sql

# What templates, envelopes and time zones need of everyone, whatever the rules ask.
_ALWAYS = (
    "id",
    *("email", "first_name", "last_name", "job_title", "country", "primary_audience", "company_name", "company__name"),
    *("stage", "score", "form_source", "attributes", "timezone", "company__time_zone"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """`row`: columns of the lead by ORM path; `fields` and `events`: those that were asked for."""

    row: Mapping[str, Any]
    fields: Mapping[str, Any]
    events: Mapping[str, list[rules.EventFact]]
    zone: str

    def facts(self, since: datetime | None) -> rules.Facts:
        return rules.Facts(self.fields, self.events, since)


def load(bases: Mapping[int, datetime], needs: rules.Needs, workspace: Workspace) -> dict[int, Person]:
    """People by lead id; at most two queries. `bases`: lead id → the moment rules about them are evaluated at."""
    paths = tuple(dict.fromkeys([*_ALWAYS, *VOCABULARY.columns(needs.fields)]))
    rows = sql.fetch(_select(paths), [list(bases)])
    events = EventFacts(bases)
    events.load(needs)
    return {row[0]: _person(dict(zip(paths, row, strict=True)), events, workspace) for row in rows}


@lru_cache(maxsize=64)
def _select(paths: tuple[str, ...]) -> str:
    """The statement that Django makes for these paths, to be run without making it again for every batch."""
    selected, _ = Lead.objects.order_by().values_list(*paths).query.sql_with_params()
    return f'{selected} WHERE "leads_lead"."id" = ANY(%b::bigint[])'


def _person(row: dict[str, Any], events: EventFacts, workspace: Workspace) -> Person:
    zone = zone_of(row["timezone"], row["company__time_zone"], workspace.time_zone)
    return Person(row, lead_fields(row), events.of(row["id"]), zone)


def zone_of(*names: str | None) -> str:
    """The first of these time zones that is one: the person's own, the company's, the workspace's; else UTC."""
    return next((name for name in names if name and is_zone(name)), "UTC")


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Whether clocks of that zone can be read; a company's zone is typed by hand."""
    try:
        return bool(ZoneInfo(name))
    except (ValueError, LookupError, OSError):
        return False
