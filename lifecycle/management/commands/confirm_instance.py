import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lifecycle import instance
from lifecycle.core import clock


class Command(BaseCommand):
    help = "Let this installation send from this database, after a restore, a copy or a move."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--by", help="Who confirms it; kept with the time. Default: the user of this shell.")

    def handle(self, *args: Any, by: str | None, **options: Any) -> None:
        now = clock.now()
        reason = instance.locked(now)
        if not reason:
            self.stdout.write("Sending is not locked.")
            return
        made = instance.confirm(by=by or f"{getpass.getuser()} (shell)", now=now)
        self.stdout.write(f"It was locked because {reason}. Installation {made.after} sends from now on.")
