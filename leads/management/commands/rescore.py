from typing import Any

from django.core.management.base import BaseCommand

from leads.rescore import rescore
from lifecycle.core import clock


class Command(BaseCommand):
    help = "Score everyone by today's rules, the past included. What differs is added to the ledger."

    def handle(self, **options: Any) -> None:
        done = changed = 0
        for done, changed in rescore(now=clock.now()):
            self.stdout.write(f"{done} leads looked at, {changed} changed")
        self.stdout.write(self.style.SUCCESS(f"Rescored {done} leads; {changed} have another score."))
