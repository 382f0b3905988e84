import json
import signal
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from campaigns.sending.delivery.contract import Transport, open_transport
from lifecycle import engine, instance
from lifecycle.core import clock, gate

PAUSE = 1.0


class Command(BaseCommand):
    help = "Run the whole engine in this process, without a broker: process events, advance sequences, send mail."

    said = ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do what is due, print one line of counts, and end.")
        parser.add_argument("--now", help="Do it as of this instant (ISO 8601). Needs SANDBOX=1 and --once.")

    def handle(self, *args: Any, once: bool, now: str | None, **options: Any) -> None:
        if now is not None and not once:
            raise CommandError("--now says one instant, so it needs --once.")
        transport = open_transport()
        try:
            if once:
                moment = instant(now) if now is not None else clock.now()
                counts = engine.run(transport, now=moment, sends=self.may_send())
                self.stdout.write(json.dumps({"now": moment.isoformat(), **counts}))
            else:
                self.loop(transport)
        finally:
            transport.close()

    def may_send(self) -> bool:
        """Says on the way why nothing is sent."""
        reason = gate.closed(clock.now())
        if reason and reason != self.said:
            self.stderr.write(f"Sending is locked: {reason}. See manage.py confirm_instance.")
        self.said = reason
        return not reason

    def loop(self, transport: Transport) -> None:
        stopped: list[int] = []
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda number, frame: stopped.append(number))
        while not stopped:
            counts = engine.run(transport, now=clock.now(), sends=self.may_send())
            instance.mark(clock.now())
            if any(counts.values()):
                self.stdout.write(json.dumps(counts))
            else:
                time.sleep(PAUSE)


def instant(text: str) -> datetime:
    """The instant that `text` names, UTC without a zone. CommandError for anything else, or outside the sandbox."""
    if not settings.SANDBOX:
        raise CommandError("A virtual clock could mail real people at a wrong time: set SANDBOX=1 to use --now.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--now: {text!r} is not a date and time; write 2026-12-01T09:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
