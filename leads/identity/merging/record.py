"""What merges of a lead have left on record: whom it is made of, and what each of them had of their own."""

from collections.abc import Mapping
from typing import Any

from leads.identity.merging.columns import flat, own
from leads.models import LeadMerge
from lifecycle.core import sql

OWN = "own"
_ROW = "SELECT to_jsonb(l) FROM leads_lead l WHERE l.id = %b"
_WRITE = """
    UPDATE leads_lead l SET {assignments}
    FROM jsonb_populate_record(NULL::leads_lead, %b::text::jsonb) r WHERE l.id = %b
"""


class Standing:
    """A lead's row as JSON, what is its own in it, and who else is in it."""

    def __init__(self, lead_id: int) -> None:
        found = sql.fetch(_ROW, [lead_id])
        self.row: dict[str, Any] = found[0][0] if found else {}
        merges = list(LeadMerge.objects.filter(kept_id=lead_id, undone_at=None).order_by("at", "id"))
        direct = [merge for merge in merges if merge.kept_before["id"] == lead_id]
        self.own: dict[str, Any] = flat(self.row) if found else {}
        if direct and found:
            self.own = own(self.row, direct[-1].kept_before[OWN], direct[-1].filled)
        self.others: list[Mapping[str, Any]] = [merge.merged_before[OWN] for merge in merges]

    @property
    def exists(self) -> bool:
        return bool(self.row)


def write(lead_id: int, columns: Mapping[str, Any]) -> None:
    """Set columns of a lead to values as JSON has them."""
    assignments = ", ".join(f"{column} = r.{column}" for column in columns)
    sql.execute(_WRITE.format(assignments=assignments), [sql.to_json(columns), lead_id])
