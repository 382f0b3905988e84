from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.exchange import export_sequence
from campaigns.models import Sequence


class Command(BaseCommand):
    help = "Print a sequence with its mails as YAML."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")

    def handle(self, *args: Any, slug: str, **options: Any) -> None:
        try:
            self.stdout.write(export_sequence(slug), ending="")
        except Sequence.DoesNotExist as error:
            known = ", ".join(Sequence.objects.values_list("slug", flat=True))
            raise CommandError(f"There is no sequence {slug!r}. There are: {known or 'none'}") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
