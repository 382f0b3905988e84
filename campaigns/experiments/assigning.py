"""Who met which variant, read and written for a batch at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from campaigns.engine.deciding import Journey
from lifecycle.core import sql

# Promotions come along in the same pass: they are the rows without a person.
_MET = """
    SELECT lead_id, sequence_id, step_key, variant_key FROM campaigns_assignment
    WHERE lead_id = ANY(%b::bigint[]) AND sequence_id = ANY(%b::bigint[])
    UNION ALL
    SELECT NULL, sequence_id, step_key, promoted_key FROM campaigns_experiment
    WHERE sequence_id = ANY(%b::bigint[]) AND promoted_key <> ''
"""
# Written once; again only for somebody whose variant is gone.
_REMEMBER = """
    INSERT INTO campaigns_assignment (lead_id, sequence_id, step_key, variant_key, assigned_at)
    SELECT lead_id, sequence_id, step_key, variant_key, %b::timestamptz
    FROM unnest(%b::bigint[], %b::bigint[], %b::text[], %b::text[])
      AS given (lead_id, sequence_id, step_key, variant_key)
    ON CONFLICT (lead_id, sequence_id, step_key)
    DO UPDATE SET variant_key = EXCLUDED.variant_key, assigned_at = EXCLUDED.assigned_at
"""

NONE: Mapping[str, str] = {}


class Met(NamedTuple):
    """A person who meets a variant of a step."""

    lead_id: int
    sequence_id: int
    step_key: str
    variant_key: str


@dataclass
class Known:
    """Step key → variant key: what each person met in a sequence, and what new people of a sequence get."""

    met: dict[tuple[int, int], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    promoted: dict[int, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def of(self, lead_id: int, sequence_id: int) -> Mapping[str, str]:
        return self.met.get((lead_id, sequence_id), NONE)

    def promotions(self, sequence_id: int) -> Mapping[str, str]:
        return self.promoted.get(sequence_id, NONE)


def load(journeys: Iterable[Journey], leads: Iterable[int]) -> Known:
    """What the people of a batch met before. One query if a step of these journeys has several variants, else none."""
    known = Known()
    split = sorted({journey.sequence_id for journey in journeys if journey.has_variants})
    if not split:
        return known
    for lead_id, sequence_id, step_key, variant_key in sql.fetch(_MET, [sorted(set(leads)), split, split]):
        if lead_id is None:
            known.promoted[sequence_id][step_key] = variant_key
        else:
            known.met[lead_id, sequence_id][step_key] = variant_key
    return known


def remember(met: Iterable[Met], *, now: datetime) -> None:
    """Store what people meet for the first time; in the transaction that queues their mail. One statement."""
    by_place = {(each.lead_id, each.sequence_id, each.step_key): each for each in met}
    if by_place:
        sql.execute(_REMEMBER, [now, *(list(column) for column in zip(*sorted(by_place.values()), strict=True))])
