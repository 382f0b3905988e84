"""A file of people, from its first byte to leads with companies and history, against a COPY of the same rows."""

import csv
import io
import resource
from collections.abc import Iterator
from datetime import datetime

from django.core.files.base import ContentFile
from django.db import connection

from leads import importing as people
from leads.models import ImportRun
from tests.bench import cast
from tests.bench.measuring import Results, Watch, size

COPIED = "COPY, the rows of a file of people"
HEADINGS = (
    "email",
    "first_name",
    "last_name",
    "company",
    "company_size",
    "job title",
    "country",
    "phone",
    "utm_source",
)
TARGET = 100_000 / 30  # rows a second


def measure(results: Results, *, now: datetime) -> None:
    count = size("IMPORT_ROWS", 100_000, 20_000)
    results.add(COPIED, count / _copied(count), "rows/s", note=f"{count:,} into a table without an index")
    data = _file(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = _imported(data, now=now)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    note = f"{count:,} new people in {len(data) / 1e6:.0f} MB; memory grew by {grown:.0f} MB"
    results.add("import new people", count / first, "rows/s", floor=COPIED, target=TARGET, note=note)
    again = count / _imported(data, now=now)
    results.add("import people we know", again, "rows/s", floor=COPIED, target=TARGET, note="the same file again")


def _imported(data: bytes, *, now: datetime) -> float:
    run = people.begin(ContentFile(data), "people.csv", now=now)
    people.start(run)
    watch = Watch()
    with watch.running():
        people.run_now(run, progress=lambda done, rows: None, now=now)
    run.refresh_from_db()
    if run.state != ImportRun.State.DONE or run.refused:
        raise RuntimeError(f"the import did not do all: {run.state}, {run.refused} refused, {run.error}")
    return watch.seconds


def _copied(count: int) -> float:
    columns = ", ".join(f"c{number} text" for number in range(len(HEADINGS)))
    rows, watch = list(_rows(count)), Watch()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_people ({columns})")
        with watch.running(), cursor.copy("COPY bench_people FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute("DROP TABLE bench_people")
    return watch.seconds


def _file(count: int) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    writer.writerows(_rows(count))
    return text.getvalue().encode()


def _rows(count: int) -> Iterator[list[str]]:
    for n in range(count):
        first, last = cast.FIRST_NAMES[n % 10], cast.LAST_NAMES[n % 7]
        company, title = f"Imported {n % 4_999}", cast.TITLES[n % 5]
        address = f"{first}.{last}{n}@imported{n % 4_999}.example".lower().encode("ascii", "ignore").decode()
        yield [address, first, last, company, str(n % 900 + 5), title, "Germany", f"+49 30 {n}", f"fair-{n % 9}"]
