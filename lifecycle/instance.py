"""Which installation may send from this database (rule 24).

The database and the environment each know an id, and when this installation last ran. When they disagree, the database
was restored or copied: people's mails of meanwhile may have been sent already, or another installation is sending them.
Then nothing leaves until an operator confirms. The environment is INSTANCE_ID, or a file in VAR_DIR.
"""

import json
import logging
import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction

from leads.models import Workspace
from lifecycle.core import sql
from lifecycle.models import Confirmation, Moment

logger = logging.getLogger(__name__)

MARK = "instance"
# The two marks are written one after the other, every few seconds. A backup is older.
TOLERANCE = timedelta(minutes=10)


_KNOWN = "SELECT instance_id, (SELECT at FROM lifecycle_moment WHERE name = %b) FROM leads_workspace"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the file says: whose it is, where it was written, and when that installation last ran."""

    id: uuid.UUID
    place: str
    seen: datetime | None


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides, as they are now. `mine` is the environment's id, None when it has none for this place."""

    database: uuid.UUID | None
    heard: datetime | None
    mine: uuid.UUID | None
    kept: Kept | None


def look() -> Sides:
    """What both sides say. One small query and one small file."""
    kept = _read()
    given: uuid.UUID | None = settings.INSTANCE_ID
    mine = given or (kept.id if kept and kept.place == _here() else None)
    found = sql.fetch(_KNOWN, [MARK])
    database, heard = found[0] if found else (None, None)
    return Sides(database, heard, mine, kept)


def objection(sides: Sides) -> str:
    """Why nothing may be sent, '' when the sides agree. Pure. A database without an id has nobody to object for."""
    if sides.database is None:
        return ""
    if sides.mine is None:
        copied = sides.kept is not None and "the files were copied from another place"
        return copied or "the database has been used by an installation, and this one has not sent from it yet"
    if sides.mine != sides.database:
        return "the database belongs to another installation"
    seen = sides.kept.seen if sides.kept else None
    if seen is not None and (sides.heard is None or seen > sides.heard + TOLERANCE):
        known = f"ends {sides.heard:%Y-%m-%d %H:%M} UTC" if sides.heard else "knows no time"
        return f"an older backup was restored: it {known}, but this installation ran until {seen:%Y-%m-%d %H:%M} UTC"
    return ""


def locked(now: datetime) -> str:
    """Why sending is locked, or ''. The first start on a new database makes both sides one."""
    sides = look()
    if sides.database is None:
        return _adopt(sides, now)
    return objection(sides)


def mark(now: datetime) -> None:
    """Note on both sides that this installation runs; not while it is locked, so that the difference stays."""
    if locked(now):
        return
    Moment.objects.update_or_create(name=MARK, defaults={"at": now})
    kept = _read()
    if kept is not None:
        _write(Kept(kept.id, _here(), now))


@transaction.atomic
def confirm(*, by: str, now: datetime) -> Confirmation:
    """Let this installation send from this database from now on; `by` is kept with what was in the way."""
    sides = look()
    workspace = Workspace.load()
    after = sides.mine or uuid.uuid4()
    made = Confirmation.objects.create(
        at=now, by=by[:150], reason=objection(sides)[:250], before=workspace.instance_id, after=after
    )
    Workspace.objects.filter(pk=workspace.pk).update(instance_id=after)
    Moment.objects.update_or_create(name=MARK, defaults={"at": now})
    _write(Kept(after, _here(), now))
    logger.warning("installation %s may send from this database, confirmed", after)
    return made


def _adopt(sides: Sides, now: datetime) -> str:
    """Several processes may begin at once: the first file wins, and the database takes what the file says."""
    mine = sides.mine or _first(Kept(uuid.uuid4(), _here(), now))
    if mine is None:
        return "VAR_DIR cannot be written, so nothing tells this installation from another; set INSTANCE_ID"
    Workspace.load()
    with transaction.atomic():
        if Workspace.objects.filter(instance_id=None).update(instance_id=mine):
            Moment.objects.update_or_create(name=MARK, defaults={"at": now})
    if sides.kept is not None:
        _write(Kept(mine, _here(), now))
    return objection(look())


def _here() -> str:
    return str(settings.INSTANCE_FILE.resolve().parent) if settings.INSTANCE_FILE else ""


def _read() -> Kept | None:
    if settings.INSTANCE_FILE is None:
        return None
    try:
        data = json.loads(settings.INSTANCE_FILE.read_text())
        seen = datetime.fromisoformat(data["seen"]) if data.get("seen") else None
        return Kept(uuid.UUID(data["id"]), str(data["place"]), seen)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        logger.warning("the instance file cannot be read: it counts as missing")
        return None


def _write(kept: Kept) -> None:
    if settings.INSTANCE_FILE is not None:
        aside = _aside(settings.INSTANCE_FILE, kept)
        if aside is not None:
            aside.replace(settings.INSTANCE_FILE)


def _first(kept: Kept) -> uuid.UUID | None:
    """The id of the file that is there after this: ours, or that of who was faster; None if there cannot be one."""
    path: Path | None = settings.INSTANCE_FILE
    aside = _aside(path, kept) if path is not None else None
    if path is None or aside is None:
        return None
    try:
        os.link(aside, path)
    except FileExistsError:
        found = _read()
        if found is None or found.place != kept.place:  # damaged, or copied from elsewhere
            aside.replace(path)
            return kept.id
        return found.id
    finally:
        aside.unlink(missing_ok=True)
    return kept.id


def _aside(path: Path, kept: Kept) -> Path | None:
    """The content in a file beside it, to be put in its place whole."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        seen = kept.seen.isoformat() if kept.seen else None
        aside.write_text(json.dumps({"id": str(kept.id), "place": kept.place, "seen": seen}))
    except OSError as error:
        logger.warning("the instance file cannot be written: %s", type(error).__name__)
        return None
    return aside
