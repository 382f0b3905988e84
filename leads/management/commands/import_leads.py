import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.management.base import BaseCommand, CommandError

from leads import importing
from leads.models import ImportRun
from lifecycle.core import clock
from lifecycle.core.cells import escape_row

SHOWN = 20


class Command(BaseCommand):
    help = (
        "Import people from a CSV file. Columns are recognised by their headings. Empty cells erase nothing; "
        "attribution, stage and owner stay; who opted out stays out. Refused rows go to FILE.refused.csv."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", default="import", help="Where the people come from: trade-fair-2026.")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="Match a column by hand: --map 'Kunde seit=attributes.since'; an empty field leaves the column out.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Only tell what would be done.")
        parser.add_argument("--keep-known", action="store_true", help="Leave people we know as they are.")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        run = self._begin(file, options)
        try:
            self._columns(run, options["map"])
            begin = importing.check if options["dry_run"] else importing.start
            if not importing.run_now(run, begin, progress=self._progress, now=clock.now()):
                raise CommandError("A worker of the product has taken this import over; look at it in the admin.")
        except KeyboardInterrupt:
            importing.cancel(run, now=clock.now())
            raise CommandError(
                "Interrupted. What is done stays; run it again, or go on with it in the admin."
            ) from None
        run.refresh_from_db()
        try:
            self._report(run, file)
        finally:
            if options["dry_run"]:
                importing.discard(run)

    def _begin(self, path: Path, options: dict[str, Any]) -> ImportRun:
        try:
            with path.open("rb") as opened:
                known = not options["keep_known"]
                return importing.begin(
                    File(opened), path.name, source=options["source"], updates_known=known, now=clock.now()
                )
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror or error}") from error
        except importing.FileProblem as problem:
            raise CommandError(f"{path}: {problem}") from problem

    def _columns(self, run: ImportRun, given: list[str]) -> None:
        matched = dict(run.mapping)
        try:
            for one in given:
                column, equals, field = one.rpartition("=")
                if not equals:
                    raise importing.MappingProblem(f"--map {one}: write it as COLUMN=FIELD.")
                matched = {name: "" if name != column and said == field else said for name, said in matched.items()}
                matched[column.strip()] = field.strip()
            importing.match(run, matched)
        except importing.MappingProblem as problem:
            importing.discard(run)
            raise CommandError(str(problem)) from problem
        for column in run.headings:
            self.stdout.write(f"  {column} → {matched[column] or '(left out)'}")

    def _progress(self, done: int, rows: int | None) -> None:
        share = f" of {rows:,} ({done * 100 // max(rows, 1)} %)" if rows else ""
        text = f"{done:,}{share}"
        if self.stdout.isatty():
            self.stdout.write(f"\r{text}", ending="")
            self.stdout.flush()
        else:
            self.stdout.write(text)

    def _report(self, run: ImportRun, file: Path) -> None:
        if self.stdout.isatty():
            self.stdout.write("")
        dry = run.state in (ImportRun.State.CHECKED, ImportRun.State.UPLOADED)
        told = "would be " if dry else ""
        self.stdout.write(
            f"{run.created:,} {told}created, {run.updated:,} {told}updated, {run.unchanged:,} unchanged, "
            f"{run.refused:,} refused"
        )
        refusals = list(run.refusals.order_by("line")) if run.refused else []
        for refusal in refusals[:SHOWN]:
            self.stderr.write(str(refusal))
        if len(refusals) > SHOWN:
            self.stderr.write(f"… and {run.refused - SHOWN:,} more")
        if refusals:
            self.stdout.write(f"The refused rows are in {self._write(run, refusals, file)}")
        if run.error:
            raise CommandError(run.error)
        if run.refused and run.refused == run.done:
            raise CommandError("Every row was refused.")
        self.stdout.write(self.style.SUCCESS("Checked; nothing was changed." if dry else "Imported."))

    def _write(self, run: ImportRun, refusals: list[Any], file: Path) -> Path:
        path = file.with_name(f"{file.name.removesuffix('.csv')}.refused.csv")
        try:
            with path.open("w", newline="", encoding="utf-8-sig") as opened:
                writer = csv.writer(opened)
                writer.writerow(escape_row([*run.headings, "Line", "Why it was refused"]))
                writer.writerows(escape_row([*one.row, one.line, one.reason]) for one in refusals)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}. The rows are in the admin too.") from error
        return path
