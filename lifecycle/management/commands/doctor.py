"""manage.py doctor: is anything stuck, and what to do about it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lifecycle import doctor
from lifecycle.core import clock
from lifecycle.core.wellbeing import Level

MARKS = {Level.FINE: "ok", Level.NOTICE: "note", Level.WARNING: "look", Level.PROBLEM: "BAD"}


class Command(BaseCommand):
    help = "Says what is stuck or set up wrongly, and what to do. Ends with 1 if something does not work."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines for people")

    def handle(self, *args: Any, **options: Any) -> None:
        areas = doctor.examine(clock.now())
        worst = doctor.worst(areas)
        self.stdout.write(as_json(areas, worst) if options["json"] else as_text(areas, worst))
        if worst is Level.PROBLEM:
            raise SystemExit(1)


def as_json(areas: list[doctor.Area], worst: Level) -> str:
    findings = [
        {"area": area.name, "level": each.level.name.lower(), "says": each.says, "remedy": each.remedy}
        for area in areas
        for each in area.findings
    ]
    return json.dumps({"level": worst.name.lower(), "findings": findings}, ensure_ascii=False)


def as_text(areas: list[doctor.Area], worst: Level) -> str:
    lines = []
    for area in areas:
        lines.append(area.name)
        for each in area.findings:
            lines.append(f"  {MARKS[each.level]:<5} {each.says}")
            if each.remedy and each.level is not Level.FINE:
                lines.append(f"        → {each.remedy}")
    verdict = {
        Level.PROBLEM: "Something does not work.",
        Level.WARNING: "It works; something wants a look.",
    }.get(worst, "All is well.")
    return "\n".join([*lines, "", verdict])
