"""One transaction, run again when Postgres broke a deadlock with it."""

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction
from psycopg import errors

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)
TRIES = 3


def atomic_with_retry(act: Callable[P, R]) -> Callable[P, R]:
    """Run `act` in a transaction of its own, again after a deadlock. Inside a transaction it just joins that one."""

    @functools.wraps(act)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        for left in reversed(range(TRIES)):
            try:
                with transaction.atomic():
                    return act(*args, **kwargs)
            except OperationalError as error:
                if not left or transaction.get_connection().in_atomic_block or not _is_deadlock(error):
                    raise
                logger.warning("deadlock in %s, trying again", act.__qualname__)
        raise AssertionError("the last try returned or raised")

    return wrapper


def _is_deadlock(error: OperationalError) -> bool:
    return isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure)
