import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.first import FirstStart
from tests.supervisor.first import first_start as make_first_start
from tests.supervisor.product import open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    path = open_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def first_start() -> FirstStart:
    """What the first start of this run came to. tests/conftest.py lets the file that asks for it begin."""
    return make_first_start()
