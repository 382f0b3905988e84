"""Is anything stuck, and what to do about it: every app's checks run one after the other. It changes nothing.

`manage.py doctor` prints what is found, the admin's health page shows it. A check that fails is a finding itself.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, InterfaceError, connection, transaction

from leads.failing import place_of
from lifecycle.core import wellbeing
from lifecycle.core.wellbeing import Finding, Level

logger = logging.getLogger(__name__)

DATABASE_AWAY = Finding(
    "Database",
    Level.PROBLEM,
    "The database does not answer.",
    "Look whether PostgreSQL runs and DATABASE_URL is right; the embedded server is started by manage.py up.",
)


@dataclass(frozen=True, slots=True)
class Area:
    """What was found about one part of the product, the worst first."""

    name: str
    findings: Sequence[Finding]

    @property
    def level(self) -> Level:
        return max(finding.level for finding in self.findings)


def examine(now: datetime) -> list[Area]:
    """All findings by area, the worst area first. Without a database there is one finding."""
    try:
        connection.ensure_connection()
    except (DatabaseError, InterfaceError):
        return [Area("Database", [DATABASE_AWAY])]
    found: dict[str, list[Finding]] = {}
    for name, check in wellbeing.checks().items():
        for finding in _run(name, check, now):
            found.setdefault(finding.area, []).append(finding)
    areas = [Area(name, sorted(findings, key=lambda each: -each.level)) for name, findings in found.items()]
    return sorted(areas, key=lambda area: (-area.level, area.name))


def worst(areas: Sequence[Area]) -> Level:
    return max((area.level for area in areas), default=Level.FINE)


def _run(name: str, check: wellbeing.Check, now: datetime) -> Iterator[Finding]:
    try:
        with transaction.atomic():  # so that one failed query does not spoil those after it
            yield from list(check(now))
    except Exception as error:
        logger.error("the check %r failed: %s", name, place_of(error))
        says = f"The check “{name}” itself failed: {place_of(error)}."
        yield Finding("Doctor", Level.PROBLEM, says, "Tell the people who maintain this installation.")
