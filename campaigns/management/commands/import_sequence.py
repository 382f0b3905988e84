import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.actions import PublishRefused
from campaigns.exchange import ImportRefused, import_sequence
from lifecycle.core import clock


class Command(BaseCommand):
    help = "Create or change a sequence from a YAML file (- reads standard input). It becomes the draft."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file")
        parser.add_argument("--publish", action="store_true", help="Publish the draft and its mails at once.")
        parser.add_argument(
            "--in-flight",
            choices=["stay", "move", "exit"],
            default="stay",
            help="With --publish, the people inside: stay on their version, move to this one, or exit.",
        )
        parser.add_argument("--not-past", metavar="STEP", help="With --in-flight move: only people not past this step.")

    def handle(self, *args: Any, file: str, publish: bool, **options: Any) -> None:
        in_flight, not_past = options["in_flight"], options["not_past"]
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
            sequence = import_sequence(text, now=clock.now(), publish=publish, in_flight=in_flight, not_past=not_past)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from error
        except (ImportRefused, PublishRefused) as refused:
            raise CommandError(f"{file}: {refused}") from refused
        state = "published" if publish else "saved as draft"
        self.stdout.write(f"{sequence.slug}: {state}")
