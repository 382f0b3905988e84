"""How long files and refused rows are kept: they hold people's data, and are no archive.

The file goes when its import is done; one that was not imported or was stopped goes after `FILES_KEPT`. Refused rows go
after `ROWS_KEPT`, the counts stay. Erasing a person takes them out of both.
"""

from datetime import datetime, timedelta

from leads.importing.reading import BLOCK
from leads.importing.running import forget_file, opened
from leads.models import AddressAlias, ImportRun, Lead
from lifecycle.core import sql

FILES_KEPT = timedelta(days=7)
ROWS_KEPT = timedelta(days=30)
ERASED = "The file held somebody who was erased, so it was removed. Upload it again without them."

_OLD_ROWS = """
    DELETE FROM leads_importrefusal r USING leads_importrun i WHERE i.id = r.run_id AND i.created_at < %b
"""
_ROWS_OF = """
    DELETE FROM leads_importrefusal r USING unnest(%b::text[]) AS needle
    WHERE position(lower(needle) IN lower(r."row"::text)) > 0
"""
_OPEN = (ImportRun.State.CHECKING, ImportRun.State.RUNNING)


def forget(*, now: datetime) -> int:
    """Remove what was kept long enough; how many files and rows."""
    old = ImportRun.objects.exclude(file="").exclude(state__in=_OPEN).filter(created_at__lt=now - FILES_KEPT)
    files = list(old)
    for run in files:
        forget_file(run)
    return len(files) + sql.execute(_OLD_ROWS, [now - ROWS_KEPT])


def forget_person(lead: Lead, *, now: datetime) -> None:
    """Take a person's addresses out of refused rows and of files that wait or are checked, in their transaction.

    A file that is being imported brings them in again, as whoever comes later, and goes when that is done.
    """
    needles = {
        lead.email,
        lead.email_normal,
        *AddressAlias.objects.filter(lead=lead).values_list("email_normal", flat=True),
    }
    sql.execute(_ROWS_OF, [sorted(needles)])
    ended = {"state": ImportRun.State.CANCELED, "error": ERASED, "finished_at": now}
    for run in ImportRun.objects.exclude(file="").exclude(state=ImportRun.State.RUNNING):
        if _holds(run, needles):
            forget_file(run)
            ImportRun.objects.filter(pk=run.pk).update(**ended, lease_token=None, lease_until=None)


def _holds(run: ImportRun, needles: set[str]) -> bool:
    wanted = [needle.lower().encode(encoding) for needle in needles for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    longest, tail = max(map(len, wanted)), b""
    try:
        with opened(run) as file:
            while block := file.read(BLOCK):
                part = tail + block.lower()
                if any(needle in part for needle in wanted):
                    return True
                tail = part[-longest:]
    except ValueError:  # the file is gone already
        return False
    return False
