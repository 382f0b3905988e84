"""What people ask of an import: to take a file, match its columns, check it, run it, stop it, go on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files import File
from django.db import transaction

from leads.importing import mapping, reading
from leads.importing.running import TASK, forget_file, opened
from leads.models import ImportRefusal, ImportRun
from leads.profile import clean
from lifecycle.core.nudging import nudge

LARGEST = 200 * 1024 * 1024
_S = ImportRun.State
_COUNTERS = ("done", "created", "updated", "unchanged", "refused")
# What may become of a run by a person's word. A check that is canceled leaves the columns to be matched.
_MAY_BEGIN = (_S.UPLOADED, _S.CHECKED)
_MAY_END = (_S.RUNNING, _S.FAILED)
_MAY_GO_ON = (_S.FAILED, _S.CANCELED)


def begin(
    file: "File[Any]",
    name: str,
    *,
    source: str = "import",
    updates_known: bool = True,
    actor: Any = None,
    now: datetime,
) -> ImportRun:
    """Keep an uploaded file as a run whose columns are matched by guess. FileProblem if it is no table."""
    if file.size > LARGEST:
        raise reading.FileProblem(f"The file is larger than {LARGEST // 1024 // 1024} MB; cut it into several.")
    shape = reading.examine(file)  # type: ignore[arg-type]  # a File reads and seeks
    file.seek(0)
    run = ImportRun(
        file_name=clean(name)[:200] or "people.csv",
        source=clean(source).lower()[:60] or "import",
        headings=list(shape.headings),
        mapping=mapping.guess(shape.headings),
        updates_known=updates_known,
        actor=actor,
        created_at=now,
    )
    run.file.save(f"{now:%Y%m%d%H%M%S}.csv", file, save=False)
    run.save()
    return run


def match(run: ImportRun, matched: Mapping[str, str], *, source: str = "", updates_known: bool | None = None) -> bool:
    """Set the columns' fields; MappingProblem names what is wrong. False if the run has begun meanwhile."""
    with opened(run) as file:
        mapping.check(matched, reading.examine(file).headings)
    changes: dict[str, Any] = {"mapping": dict(matched), "state": _S.UPLOADED}
    if source:
        changes["source"] = clean(source).lower()[:60]
    if updates_known is not None:
        changes["updates_known"] = updates_known
    return _move(run, _MAY_BEGIN, **changes)


def check(run: ImportRun) -> bool:
    """Ask for a dry run; False if the run is elsewhere by now."""
    return _start(run, _S.CHECKING)


def start(run: ImportRun) -> bool:
    """Ask for the import; False if the run is elsewhere by now."""
    return _start(run, _S.RUNNING)


@transaction.atomic
def cancel(run: ImportRun, *, now: datetime) -> bool:
    """Stop it after the chunk that is being written; what is done stays. What a check counted was not done."""
    if run.state == _S.CHECKING:
        return _move(run, (_S.CHECKING,), state=_S.UPLOADED, lease_token=None, lease_until=None)
    ended: dict[str, Any] = {"state": _S.CANCELED, "finished_at": now, "lease_token": None, "lease_until": None}
    if run.state not in _MAY_BEGIN:
        return _move(run, _MAY_END, **ended)
    if not _move(run, _MAY_BEGIN, **ended, **dict.fromkeys(_COUNTERS, 0)):
        return False
    ImportRefusal.objects.filter(run=run).delete()
    return True


def go_on(run: ImportRun) -> bool:
    """Go on after the last row that is done."""
    moved = _move(run, _MAY_GO_ON, state=_S.RUNNING, error="", finished_at=None)
    nudge(TASK)
    return moved


def discard(run: ImportRun) -> None:
    """Forget a run, its file and its refused rows; the people it brought in stay."""
    forget_file(run)
    run.delete()


@transaction.atomic
def _start(run: ImportRun, state: ImportRun.State) -> bool:
    anew: dict[str, Any] = dict.fromkeys(_COUNTERS, 0)
    anew |= {"state": state, "error": "", "started_at": None, "finished_at": None}
    anew |= {"lease_token": None, "lease_until": None}
    if not _move(run, _MAY_BEGIN, **anew):
        return False
    ImportRefusal.objects.filter(run=run).delete()
    nudge(TASK)
    return True


def _move(run: ImportRun, before: tuple[ImportRun.State, ...], **changes: Any) -> bool:
    """Change a run that is still where its page showed it."""
    moved = ImportRun.objects.filter(pk=run.pk, state__in=before).update(**changes)
    run.refresh_from_db()
    return bool(moved)
