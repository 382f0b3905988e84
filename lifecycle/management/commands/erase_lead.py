from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from leads import actions, addresses
from lifecycle.core import clock


class Command(BaseCommand):
    help = "Erase a person everywhere, for good. What blocks their address stays, as a keyed hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            lead = addresses.find(email)
        except addresses.AddressError as error:
            raise CommandError(f"{email}: {error}") from error
        if lead is None:
            raise CommandError("There is no lead with this address; nothing to erase.")
        try:
            gone = actions.erase(lead, now=clock.now())
        except OperationalError as error:
            raise CommandError("The lead is being worked on; nothing was erased. Try again.") from error
        for table, rows in sorted(gone.items()):
            if rows:
                self.stdout.write(f"{rows:>8}  {table}")
        self.stdout.write(self.style.SUCCESS("Erased. Opt-outs and blocks of the address stay as a hash."))
