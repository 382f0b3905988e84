"""Puts the shipped playbooks into the database. What exists stays as the marketer left it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from campaigns.broadcasts.files import import_broadcast
from campaigns.exchange import import_sequence, load_topics
from campaigns.models import Broadcast, Sequence
from leads import playbooks
from leads.pages import playbook as page_playbook
from leads.playbook_rows import Loaded as LoadedRows
from leads.tracking.playbook import load_page_rules
from lifecycle.customers.playbook import load_leaving_reasons
from lifecycle.integrations.calendly.playbook import load_answer_rules

FOLDER = Path(__file__).parent

# In the order in which they refer to each other.
_LOADERS: dict[str, Callable[[dict[str, Any]], int | LoadedRows]] = {
    "topics": load_topics,
    "audiences": playbooks.load_audiences,
    "channels": playbooks.load_channels,
    "event_names": playbooks.load_event_names,
    "page_rules": load_page_rules,
    "forms": playbooks.load_forms,
    "scoring": playbooks.load_scoring,
    "stages": playbooks.load_stages,
    "segments": playbooks.load_segments,
    "titles": playbooks.load_titles,
    "leaving_reasons": load_leaving_reasons,
    "calendly_answers": load_answer_rules,
}


@dataclass
class Loaded:
    """How many rows of each kind were created."""

    counts: dict[str, int] = field(default_factory=dict)
    sequences: list[str] = field(default_factory=list)
    broadcasts: list[str] = field(default_factory=list)


def load(*, now: datetime) -> Loaded:
    """Create what is missing, and publish the sequences among it. Broadcasts stay drafts. Safe to repeat."""
    loaded = Loaded()
    magnets = page_playbook.load_magnets(_read(FOLDER / "magnets.yaml"), folder=FOLDER / "files", now=now)
    for name, loader in _LOADERS.items():
        made = loader(_read(FOLDER / f"{name}.yaml"))
        loaded.counts[name] = made if isinstance(made, int) else len(made.created)
    pages = page_playbook.load_pages(_read(FOLDER / "pages.yaml"), now=now)
    loaded.counts |= {"magnets": len(magnets.created), "pages": len(pages.created)}
    present = set(Sequence.objects.values_list("slug", flat=True))
    for path in sorted((FOLDER / "sequences").glob("*.yaml")):
        if path.stem not in present:
            import_sequence(path.read_text(encoding="utf-8"), now=now, publish=True)
            loaded.sequences.append(path.stem)
    known = set(Broadcast.objects.values_list("slug", flat=True))
    for path in sorted((FOLDER / "broadcasts").glob("*.yaml")):
        if path.stem not in known:
            import_broadcast(path.read_text(encoding="utf-8"), now=now)
            loaded.broadcasts.append(path.stem)
    return loaded


def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data
