"""People who knock at a door of ours while their mail is being sent."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, Queue

from django.db import connection
from django.test import Client

from leads.models import Lead
from tests.smtp_server import SmtpServer

Knock = Callable[[Client, Lead], None]


def knock_all(people: Sequence[Lead], knock: Knock, *, smtp: SmtpServer, answered: dict[str, int]) -> None:
    """All of them at once, from two threads; after each answer, how many mails the person had by then."""
    waiting: Queue[Lead] = Queue()
    for person in people:
        waiting.put(person)

    def knock_on() -> None:
        browser = Client()
        try:
            while True:
                person = waiting.get_nowait()
                knock(browser, person)
                answered[person.email] = smtp.recipients.count(person.email)
        except Empty:
            connection.close()

    threads = [threading.Thread(target=knock_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
