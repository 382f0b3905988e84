"""Rule 24: a restored or copied database does not send until an operator confirms it."""

import json
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from campaigns import tasks
from campaigns.models import MailboxMail, Message
from leads.models import Workspace
from lifecycle import instance
from lifecycle import tasks as jobs
from lifecycle.core import clock, gate
from lifecycle.models import Confirmation, Moment
from lifecycle.sales import tasks as sales
from lifecycle.sales.models import Alert
from tests.campaigns.sequences import live
from tests.cast import letters
from tests.factories import NOON, LeadFactory, UserFactory

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.INSTANCE_ID = None
    settings.INSTANCE_FILE = tmp_path / "instance.json"
    settings.MAIL = {"transport": "mailbox"}
    return tmp_path


def kept(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "instance.json").read_text())
    return found


def a_mail_is_due() -> Message:
    Workspace.load()
    live("letter", steps=[{"id": "hello", "send": "hello"}])
    [mail] = letters([LeadFactory.create()], "hello")
    return mail


def test_the_first_start_on_a_new_database_makes_both_sides_one(folder: Path) -> None:
    assert instance.locked(NOON) == ""
    assert str(Workspace.load().instance_id) == kept(folder)["id"]
    assert instance.locked(NOON + MINUTE) == ""


def test_an_id_from_the_environment_needs_no_file(settings: Settings) -> None:
    settings.INSTANCE_ID, settings.INSTANCE_FILE = uuid.uuid4(), None
    assert instance.locked(NOON) == ""
    assert Workspace.load().instance_id == settings.INSTANCE_ID
    settings.INSTANCE_ID = uuid.uuid4()
    assert instance.locked(NOON) == "the database belongs to another installation"


def test_a_copy_of_the_database_alone_is_locked(folder: Path) -> None:
    instance.mark(NOON)
    (folder / "instance.json").unlink()
    assert "has not sent from it yet" in instance.locked(NOON)


def test_a_dump_restored_where_another_installation_lives_is_locked(folder: Path) -> None:
    instance.mark(NOON)
    Workspace.objects.update(instance_id=uuid.uuid4())
    assert instance.locked(NOON) == "the database belongs to another installation"


def test_a_copy_of_all_the_files_is_locked(settings: Settings, folder: Path) -> None:
    instance.mark(NOON)
    copy = folder / "copy" / "instance.json"
    copy.parent.mkdir()
    copy.write_text((folder / "instance.json").read_text())
    settings.INSTANCE_FILE = copy
    assert "copied from another place" in instance.locked(NOON)


def test_an_older_backup_restored_in_place_is_locked_and_stays_so_while_it_runs(folder: Path) -> None:
    instance.mark(NOON)
    instance.mark(NOON + 60 * MINUTE)
    Moment.objects.filter(name=instance.MARK).update(at=NOON + 20 * MINUTE)  # the backup's
    for _ in range(3):
        jobs.heartbeat()
        assert "older backup" in instance.locked(NOON + 61 * MINUTE)
    assert kept(folder)["seen"] == (NOON + 60 * MINUTE).isoformat()


def test_marks_that_are_minutes_apart_are_no_restore() -> None:
    instance.mark(NOON)
    instance.mark(NOON + 9 * MINUTE)
    Moment.objects.filter(name=instance.MARK).update(at=NOON)
    assert instance.locked(NOON + 9 * MINUTE) == ""


def test_a_damaged_file_locks_rather_than_sends(folder: Path) -> None:
    instance.mark(NOON)
    (folder / "instance.json").write_text("{")
    assert instance.locked(NOON) != ""


def test_rule_24_nothing_leaves_a_locked_database_until_an_operator_confirms(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """A restored or copied database does not send until an operator confirms it."""
    mail = a_mail_is_due()
    instance.mark(NOON)
    Workspace.objects.update(instance_id=uuid.uuid4())

    assert tasks.send() == 0
    call_command("run_engine", "--once")
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, MailboxMail.objects.count()) == ("ready", 0, 0)
    assert "Sending is locked" in capsys.readouterr().err
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "sending is locked: the database belongs to another installation" in answer.json()["reasons"]

    call_command("confirm_instance", "--by", "Olga")
    confirmation = Confirmation.objects.get()
    assert (confirmation.by, confirmation.reason) == ("Olga", "the database belongs to another installation")
    assert gate.closed(clock.now()) == ""
    assert tasks.send() == 1
    call_command("confirm_instance")
    assert Confirmation.objects.count() == 1, "there was nothing to confirm"


def test_alerts_wait_too() -> None:
    instance.mark(NOON)
    Workspace.objects.update(instance_id=uuid.uuid4())
    assert sales.send_alerts() == 0
    assert Alert.objects.filter(state="sent").count() == 0


def test_the_admin_says_it_on_every_page_and_a_superuser_confirms_there(client: Client) -> None:
    instance.mark(NOON)
    Workspace.objects.update(instance_id=uuid.uuid4())
    client.force_login(UserFactory.create(username="olga", is_superuser=True))
    for page in ("/admin/", "/admin/campaigns/sequence/", "/admin/leads/workspace/1/change/"):
        assert "Sending is locked." in client.get(page).content.decode()
    page = client.get("/admin/confirm-instance/")
    assert "belongs to another installation" in page.content.decode()
    assert client.post("/admin/confirm-instance/").status_code == 302
    assert Confirmation.objects.get().by == "olga"
    assert "Sending is locked." not in client.get("/admin/").content.decode()


def test_only_superusers_confirm(client: Client) -> None:
    instance.mark(NOON)
    Workspace.objects.update(instance_id=uuid.uuid4())
    client.force_login(UserFactory.create(is_superuser=False))
    assert client.post("/admin/confirm-instance/").status_code == 302
    assert Confirmation.objects.count() == 0
    assert instance.locked(NOON) != ""
