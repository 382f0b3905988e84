"""`manage.py` on a machine where something is set wrong: a sentence, not a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lifecycle.env import NAMES

PROJECT = Path(__file__).resolve().parents[1]


def manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    ours = NAMES | {"DJANGO_SETTINGS_MODULE"}
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=clean | environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["check", "up", "migrate"])
def test_a_wrong_environment_is_named(command: str, tmp_path: Path) -> None:
    done = manage(command, VAR_DIR=str(tmp_path), PORT="none", TIME_ZONE="Mars/Olympus")
    assert done.returncode == 1
    assert "PORT: must be a port" in done.stderr
    assert "TIME_ZONE: must be a zone" in done.stderr
    assert "Traceback" not in done.stderr


PRODUCTION = {
    "SITE_URL": "https://crm.example.com",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
    "EMAIL_URL": "smtps://user:password@mail.example.com",
    "DEFAULT_FROM_EMAIL": "hello@example.com",
}


def test_a_production_environment_passes_every_deploy_check(tmp_path: Path) -> None:
    done = manage("check", "--deploy", "--fail-level", "WARNING", VAR_DIR=str(tmp_path), **PRODUCTION)
    assert done.returncode == 0, done.stderr


def test_what_a_trial_leaves_open_is_a_warning_with_a_hint(tmp_path: Path) -> None:
    trial = {"SANDBOX": "1", "EMAIL_URL": "", "SITE_URL": "http://crm.example.com", "DEFAULT_FROM_EMAIL": ""}
    done = manage("check", "--deploy", VAR_DIR=str(tmp_path), **{**PRODUCTION, **trial})
    for check in ("lifecycle.W001", "lifecycle.W002", "lifecycle.W003", "lifecycle.W004"):
        assert check in done.stderr
    assert done.stderr.count("HINT") >= 4
