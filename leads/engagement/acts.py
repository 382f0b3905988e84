"""Which events are acts that engagement counts, in Python and in SQL. (`projection.is_human` says what people do.)"""

from leads.batch import EventRow
from leads.projection import HUMAN_FAMILIES, HUMAN_KINDS, NOT_HUMAN, is_human

# We conclude a visit from the views, which count themselves.
DERIVED = frozenset({"visit.started"})


def is_act(event: EventRow) -> bool:
    return is_human(event) and event.kind not in DERIVED


def _array(values: frozenset[str]) -> str:
    return "'{" + ",".join(sorted(values)) + "}'::text[]"


# The same of a row `e` of leads_event.
ACT = f"""(
    e.kind = 'email.clicked' AND e.properties @> '{{"human": true}}'
    OR (e.kind = ANY({_array(HUMAN_KINDS)}) OR split_part(e.kind, '.', 1) = ANY({_array(HUMAN_FAMILIES)}))
       AND e.kind <> ALL({_array(NOT_HUMAN | DERIVED)}) AND NOT e.properties @> '{{"human": false}}'
)"""
