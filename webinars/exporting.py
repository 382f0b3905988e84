"""Registrations as a CSV file, streamed page by page in the order of ids."""

import csv
from collections.abc import Iterator

from django.db.models import QuerySet

from lifecycle.core.cells import Echo, escape_row
from webinars.models import Registration

PAGE = 2_000
COLUMNS = {
    "webinar": "webinar__code",
    "email": "lead__email",
    "first_name": "lead__first_name",
    "last_name": "lead__last_name",
    "company": "lead__company_name",
    "phone": "lead__phone",
    "organization_type": "organization_type",
    "primary_audience": "lead__primary_audience",
    "state": "state",
    "source": "source",
    "registered_at": "registered_at",
    "canceled_at": "canceled_at",
    "attendance": "attendance",
    "attended_seconds": "attended_seconds",
    "answers": "answers",
}


def registrations_csv(rows: "QuerySet[Registration]") -> Iterator[str]:
    """The file's lines: a heading, and a row a registration. Begins with a mark by which spreadsheets know UTF-8."""
    writer = csv.writer(Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)
    last, ordered = 0, rows.order_by("pk").values_list("pk", *COLUMNS.values())
    while page := list(ordered.filter(pk__gt=last)[:PAGE]):
        for _, *values in page:
            yield writer.writerow(escape_row(values))
        last = page[-1][0]
