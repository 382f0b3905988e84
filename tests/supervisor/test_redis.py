"""`manage.py up` as in production, with a database and a Redis broker of its own: losing every message only delays."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime

import psycopg
import pytest
from redis import Redis

from lifecycle import postgres
from tests.supervisor.product import Product, open_folder, product, wait_for

pytestmark = [pytest.mark.redis, pytest.mark.processes]


@pytest.fixture(scope="module")
def it(postgres_server: postgres.Server) -> Iterator[Product]:
    path = open_folder()
    socket = str(postgres_server.place.socket)
    with psycopg.connect(host=socket, user="lifecycle", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE production")
    servers = {
        "CELERY_BROKER_URL": os.environ["REDIS_URL"],
        "DATABASE_URL": f"postgresql://lifecycle@/production?host={socket}",
        "DATABASE_PGBOUNCER": "1",
    }
    with product(path / "var", environ=servers) as running:
        yield running.start()
    shutil.rmtree(path, ignore_errors=True)


def last_tick(it: Product) -> datetime:
    return datetime.fromisoformat(str(it.readiness().get("engine_last_tick") or "1970-01-01T00:00:00+00:00"))


def test_ticks_come_through_redis(it: Product) -> None:
    assert it.get("/readyz") == 200
    assert not (it.var_dir / "broker").exists()
    assert not (it.var_dir / "postgres").exists()
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
