from typing import Any

from django.core.management.base import BaseCommand

from lifecycle.core import clock
from lifecycle.playbooks.loading import load


class Command(BaseCommand):
    help = "Create the shipped forms, rules, segments, topics, mails, sequences and broadcasts that do not exist yet."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load(now=clock.now())
        for name, count in loaded.counts.items():
            self.stdout.write(f"{name}: {count} new")
        self.stdout.write(f"sequences: {len(loaded.sequences)} new {' '.join(loaded.sequences)}".rstrip())
        self.stdout.write(f"broadcasts: {len(loaded.broadcasts)} new {' '.join(loaded.broadcasts)}".rstrip())
