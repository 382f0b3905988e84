"""Databases that already hold the shipped playbooks: one to share, rolled back after each test, or a copy to oneself.

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]   # shared, every test in its transaction


def test_of_threads_or_processes(own_database): ...  # a copy whose commits are real, gone afterwards
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker

from leads import segments
from leads.models import Magnet
from lifecycle.playbooks import loading
from tests.copies import TEMPLATE, copy, maintenance, using
from tests.factories import NOON
from tests.once import once

PLAYBOOKS = "playbooks"

_numbers = count(1)


@pytest.fixture(scope="session")
def playbooks_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> str:
    """Name of this process's database with the playbooks in it."""
    with django_db_blocker.unblock():
        return filled(PLAYBOOKS, load_playbooks)


def load_playbooks() -> None:
    """With the segments built: each story would do it again."""
    loading.load(now=NOON)
    segments.refresh_due(now=NOON)


def filled(source: str, fill: Callable[[], object]) -> str:
    """Name of this process's database of what `fill` writes: a copy of `source`, which is filled once for the run."""

    def make() -> str:
        copy(TEMPLATE, source)
        with using(source):
            drop_files()
            fill()
        return source

    once(source, make)
    name = f"{connections['default'].settings_dict['NAME']}_{source}"
    copy(source, name)
    with using(name):
        keep_files()
    return name


def drop_files() -> None:
    """What this process has of another database. The same uploads would get other names beside it."""
    for path in (loading.FOLDER / "files").iterdir():
        if default_storage.exists(name := f"{Magnet._meta.get_field('file').upload_to}{path.name}"):
            default_storage.delete(name)


def keep_files() -> None:
    """Uploads live in the memory of the process that made `source`; here are the others'."""
    for name in Magnet.objects.values_list("file", flat=True):
        if not default_storage.exists(name):
            body = (loading.FOLDER / "files" / Path(name).name).read_bytes()
            assert default_storage.save(name, ContentFile(body)) == name


@pytest.fixture(scope="module")
def playbooks(playbooks_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """This module's tests find the playbooks in their database; each rolls back what it did."""
    with using(playbooks_database):
        yield


@pytest.fixture
def own_database(playbooks_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A copy with the playbooks for this test alone: what it commits is seen by its threads and processes."""
    name = f"{playbooks_database}_{next(_numbers)}"
    with django_db_blocker.unblock():
        copy(playbooks_database, name)
        with using(name):
            yield name
        with maintenance() as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
