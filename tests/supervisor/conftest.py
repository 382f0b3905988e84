import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.product import open_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    path = open_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)
