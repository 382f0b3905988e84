from collections.abc import Iterator

import pytest

from tests.integrations import toy as toys
from tests.integrations.toy import Toy


@pytest.fixture
def toy() -> Iterator[Toy]:
    """A sender whose handlers a test may replace."""
    with toys.registered() as made:
        yield made
