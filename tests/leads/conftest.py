from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from pytest_django import DjangoDbBlocker

from leads import playbooks
from leads.actions import record
from leads.batch import NewEvent
from leads.models import Lead
from leads.pages.playbook import load_magnets
from leads.pipeline import drain
from tests.copies import using
from tests.databases import filled
from tests.factories import NOON

PLAYBOOKS = Path(settings.BASE_DIR) / "lifecycle" / "playbooks"


def playbook(name: str) -> Any:
    return yaml.safe_load((PLAYBOOKS / f"{name}.yaml").read_text())


@pytest.fixture
def shipped(db: None) -> None:
    """The rules, forms, names and audiences as they ship. It takes a while: a module whose tests all want them uses
    `all_shipped`."""
    load_all()


@pytest.fixture(scope="session")
def shipped_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> str:
    with django_db_blocker.unblock():
        return filled("shipped", load_all)


@pytest.fixture(scope="module")
def all_shipped(shipped_database: str) -> Iterator[None]:
    """This module's tests find in their database what `shipped` loads; each rolls back what it did."""
    with using(shipped_database):
        yield


def load_all() -> None:
    load_files()
    for name in ("forms", "audiences", "event_names", "scoring", "stages", "segments"):
        getattr(playbooks, f"load_{name}")(playbook(name))


def load_files() -> None:
    """The lead magnets as they ship, which forms give."""
    load_magnets(playbook("magnets"), folder=PLAYBOOKS / "files", now=NOON)


Happen = Callable[..., None]


@pytest.fixture
def happen() -> Happen:
    """Record an event of a lead and let everything follow."""

    def it_happens(lead: Lead, kind: str, when: datetime, /, **properties: Any) -> None:
        record([NewEvent(lead.pk, kind, properties, occurred_at=when, source="test")], now=when)
        drain(now=when)
        lead.refresh_from_db()

    return it_happens
