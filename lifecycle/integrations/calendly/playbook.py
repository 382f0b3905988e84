"""What ships of the answers that fill leads."""

from typing import Any

from leads import playbook_rows
from leads.playbook_rows import Item, Loaded, PlaybookError
from lifecycle.integrations.models import AnswerRule
from lifecycle.integrations.webhook import meaning


def load_answer_rules(data: object, *, update: bool = False) -> Loaded:
    """Rules take their position from their place in the list."""
    items = list(playbook_rows.rows_of(data, "calendly_answers", "rules"))
    positions = {item.path: 10 * (place + 1) for place, item in enumerate(items)}

    def read(item: Item) -> dict[str, Any]:
        row = item.take("question", "target", optional=("event_name", "only_if_empty"))
        if not meaning.may_fill(row["target"]):
            raise PlaybookError(f"{item.path}.target: {row['target']!r} cannot be written")
        return row | {"position": positions[item.path]}

    return playbook_rows.load(AnswerRule, "question", iter(items), read, update=update)
