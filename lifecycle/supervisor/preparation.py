"""What must be true of the database and the files before the product serves: every step is safe to repeat."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands

from lifecycle import schedule
from lifecycle.models import Moment

PLAYBOOKS = "playbooks loaded"


@dataclass(frozen=True)
class Login:
    """An administrator's user name; the password only if this run generated it."""

    username: str
    generated_password: str = ""


def prepare(now: datetime) -> Login:
    """Migrate, collect the static files, load the playbooks once, settle the schedule and the first administrator."""
    call_command("migrate", interactive=False, verbosity=0)
    collect_static(Path(settings.STATIC_ROOT))
    load_playbooks_once(now)
    schedule.install()
    return first_administrator()


def collect_static(folder: Path) -> None:
    """Collect the static files if those of the code have changed since the last time."""
    stamp = folder / "collected"
    newest = str(newest_source())
    if stamp.exists() and stamp.read_text() == newest:
        return
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(newest)


def newest_source() -> float:
    """When the locked requirements or one of our static files last changed."""
    ours = (path for folder in settings.STATICFILES_DIRS for path in Path(folder).rglob("*"))
    return max(path.stat().st_mtime for path in (Path(settings.BASE_DIR) / "requirements.txt", *ours))


def load_playbooks_once(now: datetime) -> None:
    """Load the shipped playbooks on the first run; later they belong to the people who edit them."""
    if "load_playbooks" not in get_commands() or Moment.objects.filter(name=PLAYBOOKS).exists():
        return
    call_command("load_playbooks", stdout=StringIO())
    Moment.objects.create(name=PLAYBOOKS, at=now)


def first_administrator() -> Login:
    """The first superuser, created if there is none."""
    users = get_user_model().objects
    known = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if known:
        return Login(known.get_username())
    given = settings.ENVIRONMENT.admin_password
    password = given or secrets.token_urlsafe(12)
    users.create_superuser(username=settings.ADMIN_EMAIL, email=settings.ADMIN_EMAIL, password=password)
    return Login(settings.ADMIN_EMAIL, generated_password="" if given else password)
