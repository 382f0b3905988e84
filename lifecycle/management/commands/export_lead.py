import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from leads import addresses
from lifecycle.reports.person import everything_about


class Command(BaseCommand):
    help = "Print everything that is kept about a person, as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            lead = addresses.find(email)
        except addresses.AddressError as error:
            raise CommandError(f"{email}: {error}") from error
        if lead is None:
            raise CommandError("There is no lead with this address.")
        self.stdout.write(json.dumps(everything_about(lead), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
