"""`manage.py up` with a real Redis broker: ticks arrive, and losing every message only delays."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime

import pytest
from redis import Redis

from tests.supervisor.product import Product, open_folder, product, wait_for

pytestmark = [pytest.mark.redis, pytest.mark.processes]


@pytest.fixture(scope="module")
def it() -> Iterator[Product]:
    path = open_folder()
    with product(path / "var", environ={"CELERY_BROKER_URL": os.environ["REDIS_URL"]}) as running:
        yield running.start()
    shutil.rmtree(path, ignore_errors=True)


def last_tick(it: Product) -> datetime:
    return datetime.fromisoformat(str(it.readiness().get("engine_last_tick") or "1970-01-01T00:00:00+00:00"))


def test_ticks_come_through_redis(it: Product) -> None:
    assert it.get("/readyz") == 200
    assert not (it.var_dir / "broker").exists()
    seen = last_tick(it)
    wait_for("a later tick", lambda: last_tick(it) > seen)


def test_a_flushed_broker_only_delays(it: Product) -> None:
    Redis.from_url(os.environ["REDIS_URL"]).flushall()
    seen = last_tick(it)
    wait_for("a later tick", lambda: last_tick(it) > seen)


def test_a_killed_worker_leaves_nothing_undone(it: Product) -> None:
    before = it.pids("lifecycle worker")
    os.kill(it.main("lifecycle worker"), 9)
    wait_for("a new worker", lambda: it.pids("lifecycle worker") and not it.pids("lifecycle worker") & before)
    seen = last_tick(it)
    wait_for("a later tick", lambda: last_tick(it) > seen)
