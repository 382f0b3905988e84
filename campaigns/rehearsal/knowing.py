"""What was known of a person at an instant of the past: fields and events as they were then. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from campaigns.running.people import Person
from leads import scoring
from leads.batch import EventRow
from leads.projection import FOLDS
from leads.tiers import DORMANT
from lifecycle.core import rules


class Change(NamedTuple):
    """`what`: stage (to `value`), fit or intent (by `value` points)."""

    what: str
    value: Any
    at: datetime


class Knowledge:
    """Begins with the fields as they are today and goes back to how they began, as far as their history is known."""

    def __init__(self, person: Person, thresholds: scoring.Thresholds, *, stage: str, tier: str = "") -> None:
        self.row = person.row
        self.zone = person.zone
        self._fields = dict(person.fields)
        self._thresholds = thresholds
        self.sunset_at: datetime | None = None
        self._events: dict[str, list[rules.EventFact]] = defaultdict(list)
        self._begin(stage, tier)

    def _begin(self, stage: str, tier: str) -> None:
        began: dict[str, Any] = {
            "fit_score": 0,
            "intent_score": 0,
            "score": 0,
            "temperature": scoring.temperature(0, self._thresholds),
            "demo_booked": False,
            "demo_status": "",
            "webinars": "",
            "owner": None,
            "sunset_at": None,
        }
        if stage:
            began["stage"] = stage
        if tier:
            began["engagement_tier"] = tier
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
            fold(self, event)  # type: ignore[arg-type]  # it reads and sets columns
        match event.kind:
            case "owner.assigned":
                self.set("owner", event.properties.get("owner"))
            case "lead.sunset":
                self.rest(event.occurred_at)
            case "lead.revived":
                self.rest(None)
            case "tier.changed":
                self._tier(event.properties)

    def rest(self, since: datetime | None) -> None:
        """Marketing mail rests since then, or rests no more."""
        self.sunset_at = since
        self.set("sunset_at", since)

    def _tier(self, told: Mapping[str, Any]) -> None:
        self.set("engagement_tier", told.get("after"))
        if told.get("before") == DORMANT:  # an act: it ended a sunset that only the rehearsal knows of, too
            self.rest(None)

    def __getitem__(self, column: str) -> Any:
        """What a fold reads of the person; empty if nobody asks for it."""
        return self._fields.get(column, "")

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
