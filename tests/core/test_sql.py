"""Connections that are one's own prepare what they run again and again."""

from threading import Thread

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from lifecycle.core import sql


def thresholds() -> list[int | None]:
    """Of a connection that another thread opens."""
    found: list[int | None] = []

    def ask() -> None:
        connection.ensure_connection()
        found.append(connection.connection.prepare_threshold)
        connection.close()

    thread = Thread(target=ask)
    thread.start()
    thread.join(10)
    return found


@pytest.mark.django_db(transaction=True)
def test_a_web_process_prepares_on_every_connection_it_opens() -> None:
    assert thresholds() == [None]
    sql.always_prepare()
    try:
        assert thresholds() == [sql.OFTEN]
    finally:
        connection_created.disconnect(dispatch_uid="lifecycle.prepare")
