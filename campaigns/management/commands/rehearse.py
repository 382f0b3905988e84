import json
import sys
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from campaigns.editing.publishing import PublishRefused
from campaigns.models import Sequence, SequenceVersion
from campaigns.rehearsal import rehearse
from campaigns.rehearsal.printing import report
from campaigns.rehearsal.telling import data
from lifecycle.core import clock

WIDTH = 30


class Command(BaseCommand):
    help = "Say what a sequence would have done over the past days of real events. It reads, and writes nothing."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        """Our --version is the sequence's, not Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **options)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="The sequence, like demo-nurture.")
        parser.add_argument("--days", type=int, default=90, help="How far back (90).")
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--draft", action="store_true", help="The draft. Without a choice: the draft if there is one."
        )
        which.add_argument("--version", type=int, dest="number", metavar="N", help="Version N.")
        parser.add_argument("--json", action="store_true", help="Everything as JSON.")

    def handle(self, *args: Any, slug: str, days: int, **options: Any) -> None:
        if not 1 <= days <= 3650:
            raise CommandError(f"--days: {days} is not between 1 and 3650")
        version = chosen(slug, draft=options["draft"], number=options["number"])
        now = clock.now()
        try:
            found = rehearse(version, since=now - timedelta(days=days), until=now, progress=self.progress)
        except PublishRefused as refused:
            problems = "\n".join(f"  {problem}" for problem in refused.problems)
            raise CommandError(f"{version} cannot run yet:\n{problems}") from refused
        told = data(found)
        self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) if options["json"] else report(told))

    def progress(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            filled = WIDTH * done // max(total, 1)
            end = "\n" if done >= total else ""
            self.stderr.write(
                f"\r{'█' * filled}{'·' * (WIDTH - filled)} {100 * done // max(total, 1):>3} %", ending=end
            )


def chosen(slug: str, *, draft: bool, number: int | None) -> SequenceVersion:
    """The version that was asked for; CommandError says which there are."""
    sequence = Sequence.objects.filter(slug=slug).first()
    if sequence is None:
        known = ", ".join(Sequence.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"there is no sequence {slug}; there are: {known}")
    versions = sequence.versions.select_related("sequence__current_version").order_by("number")
    if number is not None:
        found = versions.filter(number=number).first()
        if found is None:
            raise CommandError(f"{slug} has no version {number}; it has {', '.join(str(v.number) for v in versions)}")
        return found
    found = versions.filter(state=SequenceVersion.State.DRAFT).first()
    if found is None and draft:
        raise CommandError(f"{slug} has no draft; edit one, or leave --draft out for the published version")
    found = found or versions.filter(pk=sequence.current_version_id or 0).first()
    if found is None:
        raise CommandError(f"{slug} has neither a draft nor a published version")
    return found
