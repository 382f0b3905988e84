from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from lifecycle.api import keys
from lifecycle.api.models import ApiKey, Scope
from lifecycle.core import clock


class Command(BaseCommand):
    help = "Make an API key and print it, alone. It is shown this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Which program will use it.")
        parser.add_argument("--scopes", nargs="+", required=True, metavar="SCOPE", help=", ".join(Scope.values))

        parser.add_argument(
            "--origins",
            nargs="*",
            default=[],
            metavar="ORIGIN",
            help="Only for a key in pages: https://www.example.com",
        )

    def handle(self, *args: Any, name: str, scopes: list[str], origins: list[str], **options: Any) -> None:
        longest = ApiKey._meta.get_field("name").max_length or 0
        if not 0 < len(name.strip()) <= longest or "\0" in name:
            raise CommandError(f"The name must have 1 to {longest} characters.")
        try:
            _, text = keys.issue(name=name.strip(), scopes=scopes, allowed_origins=origins, now=clock.now())
        except keys.UnknownScope as problem:
            raise CommandError(str(problem)) from problem
        except ValidationError as problem:
            raise CommandError(problem.messages[0]) from problem
        self.stdout.write(text)
