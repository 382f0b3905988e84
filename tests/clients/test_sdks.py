"""Segment's own SDKs, pointed at a running server: what they send arrives, once, as what it means."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from leads import identity, pipeline
from leads.models import Event, EventName, Lead, PageRule, Visitor
from lifecycle.api import keys
from lifecycle.api.limited import COUNTER
from lifecycle.api.models import RejectedCall, Scope
from lifecycle.core import clock

try:
    from segment.analytics import request as sdk_requests
    from segment.analytics.client import Client
except ImportError:  # a developers' tool; `make test` alone does not install it
    Client = None

HERE = Path(__file__).parent
NODE = shutil.which("node") or shutil.which("nodejs")
HOUR = timedelta(hours=1)
KINDS = {
    "pricing.viewed",
    "user.identified",
    "feature.used",
    "screen.viewed",
    "account.joined",
    "user.aliased",
    "Sent Twice",
}

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def key(live_server: LiveServer) -> str:
    COUNTER.clear()
    EventName.objects.create(name="Feature Used", kind="feature.used")
    PageRule.objects.create(pattern="/pricing*", kind="pricing.viewed")
    return keys.issue(name="An SDK", scopes=[Scope.TRACK_WRITE], now=clock.now())[1]


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_the_python_sdk(live_server: LiveServer, key: str, gzip: bool) -> None:
    if Client is None:
        missing("segment-analytics-python is not installed (requirements-dev.txt)")
    failed: list[Any] = []
    client = Client(key, host=live_server.url, gzip=gzip, max_retries=0, on_error=lambda *what: failed.append(what))
    user, page = {"user_id": "python-user"}, {"url": "https://www.example.com/pricing"}
    client.page(anonymous_id="python-browser", name="Pricing", properties=page)
    client.identify(anonymous_id="python-browser", traits={"email": "pia@acme.com", "firstName": "Pia"}, **user)
    client.track(event="Feature Used", properties={"feature": "reports", "emoji": "😀"}, timestamp=now() - HOUR, **user)
    client.screen(name="Main", **user)
    client.group(group_id="acme", traits={"name": "Acme", "employees": 120}, **user)
    client.alias(previous_id="python-older", **user)
    client.track(event="email.sent", **user)
    for _ in range(2):
        client.track(event="Sent Twice", message_id="python-twice", **user)
    client.flush()
    client.join()
    # It would keep its connection for ever, and with it a thread of the server and that one's database connection.
    sdk_requests._session.close()
    assert failed == []
    check_what_arrived("python", "pia@acme.com")


def test_the_node_sdk(live_server: LiveServer, key: str) -> None:
    if NODE is None:
        missing("there is no node on this machine")
    if not (HERE / "node_modules").is_dir():
        missing("the Node SDK is not installed: npm ci --prefix tests/clients")
    environment = {**os.environ, "HOST": live_server.url, "KEY": key}
    done = subprocess.run(
        [str(NODE), "calls.mjs"], cwd=HERE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["errors"], set(told["responses"])) == ([], {200})
    check_what_arrived("node", "nora@acme.com")


def check_what_arrived(sdk: str, email: str) -> None:
    """One event a call, at its time; one refused; one that came twice; and a person with all of it."""
    events = {event.kind: event for event in Event.objects.filter(source="track")}
    assert events.keys() == KINDS
    assert Event.objects.filter(source="track").count() == len(KINDS)
    used = events["feature.used"]
    assert (used.properties["feature"], used.properties["emoji"]) == ("reports", "😀")
    assert used.properties["context"]["library"]["name"]
    assert abs(now() - HOUR - used.occurred_at) < timedelta(minutes=2)
    assert RejectedCall.objects.get().reason.startswith("email.sent is ours")
    identity.drain(now=now())
    pipeline.drain(now=now())
    lead = Lead.objects.get(email=email)
    assert Visitor.objects.get(anonymous_id=f"{sdk}-browser").lead == lead
    assert lead.events.filter(kind__in=KINDS).count() == len(KINDS)


def now() -> datetime:
    return datetime.now(UTC)


def missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
