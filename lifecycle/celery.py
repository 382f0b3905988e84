"""The Celery application. Messages are hints: losing every one of them only delays what the database knows is due."""

import os
import signal
import warnings
from collections.abc import Callable
from types import FrameType

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifecycle.settings")

# Running as root is supported: messages are JSON with ids alone, so no broker can make a worker run anything else.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("lifecycle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def end_beat_from_outside_its_queries(**_: object) -> None:
    """Leave the query that runs before the schedule is saved.

    Celery's own handler saves inside the signal. In the middle of a query that waits for ever: the connection is in the
    hands of the very code that the signal interrupted. Beat saves its schedule at its end in any case.
    """
    _on_ending(_interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _on_ending(signal.SIG_IGN)
    # Psycopg cancels its query for a KeyboardInterrupt and for nothing else; beat takes it for its end.
    raise KeyboardInterrupt


def _on_ending(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


beat_init.connect(end_beat_from_outside_its_queries)
