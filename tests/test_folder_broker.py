"""The embedded broker's folder: whoever looks into it sees whole messages, and no file in it ends a worker."""

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

from lifecycle import broker


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    url = "filesystem://localhost//"
    options = broker.transport_options(url, tmp_path)
    with Connection(url, transport=broker.transport(url), transport_options=options) as opened:
        opened.transport.state.clear()  # Kombu remembers routes per process, whatever the folder
        yield opened


def bodies(queue: Any) -> list[Any]:
    found = []
    while True:
        try:
            message = queue.get_nowait()
        except Empty:
            return found
        message.ack()
        found.append(message.payload)


def test_messages_come_out_as_they_went_in(connection: Connection) -> None:
    with connection.SimpleQueue("celery") as queue:
        queue.put({"n": 1})
        queue.put({"n": 2})
        assert sorted(body["n"] for body in bodies(queue)) == [1, 2]


def test_a_file_that_does_not_read_is_passed_over(connection: Connection, tmp_path: Path) -> None:
    """A writer that was killed, or a full disk, leaves such a file; the hint is lost and nothing else."""
    with connection.SimpleQueue("celery") as queue:
        for name, text in (("0_empty", ""), ("1_half", '{"body": "')):
            (tmp_path / "messages" / f"{name}.celery.msg").write_text(text)
        queue.put({"n": 1})
        assert [body["n"] for body in bodies(queue)] == [1]


def test_a_message_is_never_seen_half_written(connection: Connection, tmp_path: Path) -> None:
    messages, torn, done = tmp_path / "messages", [], threading.Event()

    def look() -> None:
        while not done.is_set():
            for path in messages.glob("*.msg"):
                if path.stat().st_size == 0:
                    torn.append(path.name)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with connection.SimpleQueue("celery") as queue:
            for number in range(300):
                queue.put({"n": number, "text": "x" * 20_000})
            assert len(list(messages.iterdir())) == 300, "nothing but the messages is left behind"
    finally:
        done.set()
        watcher.join()
    assert not torn


def test_processes_that_start_together_find_whole_routes(connection: Connection, tmp_path: Path) -> None:
    """Web, worker and beat all make the queue known when they start."""
    problems: list[BaseException] = []

    def declare() -> None:
        try:
            for _ in range(50):
                with connection.clone() as own, own.channel() as channel:
                    (tmp_path / "control" / "celery.exchange").unlink(missing_ok=True)
                    channel._queue_bind("celery", "celery", "", "celery")
                    assert channel.get_table("celery") in ([], [("celery", "", "celery")])
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=declare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
