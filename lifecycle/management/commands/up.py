from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lifecycle import supervisor
from lifecycle.core import clock


class Command(BaseCommand):
    help = "Run everything: database, migrations, web, worker and beat, until Ctrl-C or SIGTERM."
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            supervisor.up(out=self.stdout, now=clock.now())  # type: ignore[arg-type]
        except supervisor.Refused as problem:
            raise CommandError(str(problem)) from problem
