"""Databases as copies of others, which takes a moment where migrating takes half a minute."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections
from psycopg import sql

from campaigns.broadcasts import sending
from campaigns.running import journeys
from campaigns.sending import composing

TEMPLATE = "migrated"  # what the test databases are copies of


def create(name: str) -> None:
    """A new and empty database."""
    with maintenance() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def copy(source: str, name: str) -> None:
    """A new database like `source`. Who is still connected to that, such as a server's idle thread, is sent away."""
    connections["default"].close()
    with maintenance() as server:
        server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [source])
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        server.execute(query.format(sql.Identifier(name), sql.Identifier(source)))


@contextmanager
def using(name: str) -> Iterator[None]:
    """Django's default database is `name` meanwhile, in all threads. Nothing remembered of another database stays."""
    settings = connections["default"].settings_dict
    before = settings["NAME"]
    connections["default"].close()
    settings["NAME"] = name
    forget()
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = before
        forget()


def forget() -> None:
    """Published versions are remembered by id, which only says something within one database."""
    journeys.forget()
    composing.forget()
    sending.forget()


def maintenance() -> "psycopg.Connection[tuple[object, ...]]":
    settings = connections["default"].settings_dict
    return psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname="postgres", autocommit=True)
