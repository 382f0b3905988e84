"""Rules of pages as a playbook."""

from typing import Any

from leads.models import PageRule
from leads.playbook_rows import Item, Loaded, load, rows_of


def load_page_rules(data: object, *, update: bool = False) -> Loaded:
    """Rules take their position from their place in the list."""
    items = list(rows_of(data, "page_rules", "page_rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: Item) -> dict[str, Any]:
        return item.take("pattern", "kind") | {"position": positions[item.path]}

    return load(PageRule, "pattern", iter(items), read, update=update)
