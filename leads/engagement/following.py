"""The people of a batch: an act raises the tier at once and ends a sunset. Falling is the clock's (`looking`).

Nobody who is at the top is counted, and nobody whose former acts all lie outside the window: of them the batch knows
everything. For the others there is one query a batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from leads import tiers
from leads.batch import Batch, EventRow, LeadRow, NewEvent
from leads.engagement import resting
from leads.engagement.acts import ACT, is_act
from leads.tiers import Thresholds
from lifecycle.core import sql

# Two people became one, or two again: what is known of their acts changed, so it is counted anew, both ways.
RECOUNTED = frozenset({"lead.merged", "lead.unmerged"})

# Newest first, and no more than decide.
_RECENT = f"""
    SELECT l.id, act.occurred_at FROM unnest(%b::bigint[]) AS l (id) CROSS JOIN LATERAL (
        SELECT e.occurred_at FROM leads_event e
        WHERE e.lead_id = l.id AND e.occurred_at > %b AND {ACT}
        ORDER BY e.occurred_at DESC, e.id DESC LIMIT %b
    ) act
"""  # noqa: S608 - ours


class Tiers:
    """Keeps the tiers of a batch over its waves. Made before the first wave is projected."""

    def __init__(self, batch: Batch, thresholds: Thresholds) -> None:
        self.batch = batch
        self.thresholds = thresholds
        self._before = {lead_id: row["last_human_act_at"] for lead_id, row in batch.leads.items()}
        self._acts: dict[int, list[datetime]] = {}

    def wave(self) -> None:
        """Raise whom this wave's acts raise; after `projection.project`."""
        looked = [each for row, events in self.batch.by_lead() if (each := _Looked.of(row, events)).matters]
        self._count(looked)
        for each in looked:
            self._tier(each)
            self._wake(each)

    def _count(self, looked: Iterable["_Looked"]) -> None:
        """The acts of the window, of everybody looked at; those of this wave included."""
        window = self.batch.now - self.thresholds.most
        asked = []
        for each in looked:
            lead_id, acts = each.row.id, [act.occurred_at for act in each.acts]
            before = self._before[lead_id]
            if each.anew or (lead_id not in self._acts and before is not None and before > window):
                asked.append(lead_id)
                self._acts[lead_id] = []
            else:
                self._acts.setdefault(lead_id, []).extend(acts)
        if asked:
            for lead_id, at in sql.fetch(_RECENT, [asked, window, self.thresholds.most_acts]):
                self._acts[lead_id].append(at)

    def _tier(self, each: "_Looked") -> None:
        row, now, thresholds = each.row, self.batch.now, self.thresholds
        life = tiers.life(row["created_at"], row["last_human_act_at"], self._acts[row.id], thresholds)
        before, after = row["engagement_tier"], tiers.tier(life, thresholds, now)
        moves = tiers.is_higher(after, before) or (each.anew and after != before)
        if not moves and row["tier_since"] is not None:
            return
        row.set("engagement_tier", after)
        row.set("tier_since", now if moves else tiers.began_at(life, thresholds, now))
        row.set("tier_due_at", tiers.due_at(life, thresholds, now))
        if moves:  # else nobody moved: it is the first look
            told = {"before": before, "after": after}
            self.batch.raise_event(NewEvent(row.id, "tier.changed", told, key=f"tier:{each.cause.id}"), each.cause)

    def _wake(self, each: "_Looked") -> None:
        """An act ends a sunset; told late, it does if it shows that the person was not so quiet."""
        row, since = each.row, each.row["sunset_at"]
        if since is None:
            return
        heard = any(act.occurred_at > since for act in each.acts)
        stirred = row["engagement_tier"] != tiers.DORMANT and (each.anew or each.acts)
        if heard or stirred or row["is_client"]:
            told = resting.end(row, by=each.cause.kind)
            assert told is not None
            self.batch.raise_event(told, each.cause)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A person with their acts of a wave. `anew`: their acts are to be counted, and may be fewer than before."""

    row: LeadRow
    acts: list[EventRow]
    cause: EventRow
    anew: bool

    @classmethod
    def of(cls, row: LeadRow, events: list[EventRow]) -> "_Looked":
        acts = [event for event in events if is_act(event)]
        return cls(row, acts, acts[-1] if acts else events[-1], any(event.kind in RECOUNTED for event in events))

    @property
    def matters(self) -> bool:
        row = self.row
        if row["tier_since"] is None or row["sunset_at"] is not None or self.anew:
            return True
        return bool(self.acts) and row["engagement_tier"] != tiers.MOST_ENGAGED
