"""What was known of a person at an instant of the past: fields and events as they were then. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from campaigns.people import Person
from leads import scoring
from leads.batch import EventRow
from leads.projection import FOLDS
from lifecycle.core import rules


class Change(NamedTuple):
    """`what`: stage (to `value`), fit or intent (by `value` points)."""

    what: str
    value: Any
    at: datetime


class Knowledge:
    """Begins with the fields as they are today and goes back to how they began, as far as their history is known."""

    def __init__(self, person: Person, thresholds: scoring.Thresholds, *, stage: str) -> None:
        self.row = person.row
        self.zone = person.zone
        self._fields = dict(person.fields)
        self._thresholds = thresholds
        self._events: dict[str, list[rules.EventFact]] = defaultdict(list)
        self._begin(stage)

    def _begin(self, stage: str) -> None:
        began: dict[str, Any] = {
            "fit_score": 0,
            "intent_score": 0,
            "score": 0,
            "temperature": scoring.temperature(0, self._thresholds),
            "demo_booked": False,
            "demo_status": "",
            "owner": None,
        }
        if stage:
            began["stage"] = stage
        self._fields |= {name: value for name, value in began.items() if name in self._fields}

    @property
    def fields(self) -> Mapping[str, Any]:
        return self._fields

    def facts(self, since: datetime) -> rules.Facts:
        """As they are now; not to be kept, the next change is made in place."""
        return rules.Facts(self._fields, self._events, since)

    def change(self, changes: Iterable[Change]) -> None:
        for what, value, at in changes:
            if what == "stage":
                self.set("stage", value)
                self.set("stage_since", at)
                if value in ("customer", "former"):
                    self.set("is_client", value == "customer")
            else:
                self._add_points(f"{what}_score", value)

    def learn(self, event: EventRow) -> None:
        """An event, and what it says about the person itself."""
        self._events[event.kind].append(rules.EventFact(event.occurred_at, event.properties, event.id))
        fold = FOLDS.get(event.kind)
        if fold:
            fold(self, event)  # type: ignore[arg-type]  # it only sets columns
        if event.kind == "owner.assigned":
            self.set("owner", event.properties.get("owner"))

    def set(self, name: str, value: Any) -> bool:
        """A field, or attributes.<name>, is so from now on; False if it was, or if nobody asks for it."""
        column, _, attribute = name.partition(".")
        if column not in self._fields:
            return False
        if attribute:
            value = {**(self._fields[column] or {}), attribute: value}
        if self._fields[column] == value:
            return False
        self._fields[column] = value
        return True

    def _add_points(self, name: str, points: int) -> None:
        fields = self._fields
        for each in (name, "score"):
            if each in fields:
                fields[each] += points
        if "temperature" in fields:
            fields["temperature"] = scoring.temperature(fields["score"], self._thresholds)
