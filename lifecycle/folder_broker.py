"""The embedded broker: Kombu's transport over a folder of files, made safe for several processes at once.

Kombu's own writes a message into the file that others may already take away, so under load a worker reads an empty one
and ends with a JSON error. Here files appear whole or not at all, and one that does not read is dropped: it is a hint.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps as to_json

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    def _put(self, queue: str, message: Any, **options: Any) -> None:  # type: ignore[override]
        name = f"{time.monotonic_ns() // 1_000_000}_{uuid4()}.{queue}.msg"
        write_whole(Path(self.data_folder_out) / name, to_json(message))  # type: ignore[no-untyped-call]

    def _get(self, queue: str, timeout: Any = None) -> Any:
        while True:
            try:
                return super()._get(queue)  # type: ignore[no-untyped-call]
            except ValueError:
                logger.warning("dropped a message of the queue %s that does not read", queue)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        row = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with one_at_a_time(self.control_folder):
            known = self.get_table(exchange)  # type: ignore[no-untyped-call]
            if row not in known:
                write_whole(self._exchange_file(exchange), to_json([row, *known]))  # type: ignore[no-untyped-call]


class Transport(filesystem.Transport):
    Channel = Channel


def write_whole(path: Path, text: str) -> None:
    """Write a file that nobody sees before it is complete. ChannelError if it cannot be written."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.rename(path)
    except OSError as problem:
        with suppress(OSError):
            draft.unlink()
        raise ChannelError(f"Cannot write {path}") from problem


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes and threads that ask for it here."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
