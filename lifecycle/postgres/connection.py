"""Django's DATABASES entry for a server of one's own or the embedded one."""

from datetime import timedelta
from typing import Any

from lifecycle.env import Database
from lifecycle.postgres.place import Place
from lifecycle.postgres.server import USER


def django_database(
    given: Database | None, embedded: Place | None, *, pgbouncer: bool, lock_timeout: timedelta
) -> dict[str, Any]:
    """The settings of the one database; with `pgbouncer`, nothing that a pooled connection could not keep."""
    options: dict[str, Any] = dict(given.options) if given else {}
    if pgbouncer:
        options["prepare_threshold"] = None
    else:
        options["options"] = f"-c lock_timeout={int(lock_timeout.total_seconds() * 1000)}"
    options.setdefault("connect_timeout", 10)
    common = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": pgbouncer,
        "OPTIONS": options,
    }
    if given:
        address = {"HOST": given.host, "PORT": given.port, "USER": given.user, "PASSWORD": given.password}
        return {**common, **address, "NAME": given.name}
    assert embedded is not None
    return {**common, "HOST": str(embedded.socket), "NAME": USER, "USER": USER}
