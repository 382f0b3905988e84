from collections.abc import Iterator
from typing import Any

import pytest

from tests.integrations import toy as toys
from tests.integrations.toy import Toy
from tests.integrations.zoom_server import ZoomServer


@pytest.fixture
def toy() -> Iterator[Toy]:
    """A sender whose handlers a test may replace."""
    with toys.registered() as made:
        yield made


@pytest.fixture
def zoom(settings: Any) -> Iterator[ZoomServer]:
    """A Zoom of our own, set up as ours."""
    made = ZoomServer()
    settings.ZOOM_ACCOUNT_ID, settings.ZOOM_CLIENT_ID, settings.ZOOM_CLIENT_SECRET = "account", "client", "secret"
    settings.ZOOM_API_URL, settings.ALLOW_PRIVATE_WEBHOOKS = made.url, True
    yield made
    made.close()
