import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from lifecycle import supervisor
from lifecycle.core import clock
from lifecycle.demo import keeping
from lifecycle.demo.progress import Bar


class Command(BaseCommand):
    help = "Let the product live through the last quarter of an invented company, in a database of its own (DEMO=1)."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fresh", action="store_true", help="Begin anew, even if a finished demo is there.")
        parser.add_argument("--leads", type=int, default=5_050, help="How many people arrive (default %(default)s).")
        parser.add_argument("--days", type=int, default=90, help="In how many days (default %(default)s).")
        parser.add_argument("--seed", type=int, default=1, help="The same seed tells the same story.")

    def handle(self, *args: Any, fresh: bool, **size: int) -> None:
        try:
            with supervisor.alone(settings.VAR_DIR / "up.lock"):
                self.live(fresh, {name: size[name] for name in ("leads", "days", "seed")})
        except (supervisor.Refused, keeping.Refused) as problem:
            raise CommandError(str(problem)) from problem
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the next `make demo` begins anew.") from None

    def live(self, fresh: bool, size: dict[str, int]) -> None:
        lived = None if fresh else keeping.lived_until()
        if lived is not None:
            self.stdout.write(f"The demo that ends on {lived:%d %B %Y} is there; ARGS=--fresh makes another.")
            keeping.catch_up(now=clock.now())
            return
        bar, until = Bar(self.stdout, began=time.monotonic()), clock.now().replace(second=0, microsecond=0)
        bar.say("Preparing the database ...")
        for progress in keeping.live(**size, until=until):
            bar.show(progress)
        bar.finish()
