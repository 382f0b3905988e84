"""What ships of the reasons for leaving."""

from typing import Any

from leads import playbook_rows
from leads.playbook_rows import Item, Loaded
from lifecycle.customers.models import LeavingReason


def load_leaving_reasons(data: object, *, update: bool = False) -> Loaded:
    """Reasons take their position from their place in the list."""
    items = list(playbook_rows.rows_of(data, "leaving_reasons", "reasons"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: Item) -> dict[str, Any]:
        return item.take("slug", "label", optional=("reply", "way_back")) | {"position": positions[item.path]}

    return playbook_rows.load(LeavingReason, "slug", iter(items), read, update=update)
