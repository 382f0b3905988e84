"""The product's settings for a measurement: nothing of the developer's environment, and a folder of its own."""

import os
import tempfile
from pathlib import Path

from lifecycle.env import NAMES

BASE = Path(__file__).resolve().parent.parent.parent

for name in list(os.environ):
    if name in NAMES or name.startswith("ANYMAIL_"):
        del os.environ[name]
if "BENCH_VAR_DIR" not in os.environ:  # the first process of the run; its children inherit the choice
    (BASE / "var").mkdir(exist_ok=True)
    os.environ["BENCH_VAR_DIR"] = tempfile.mkdtemp(prefix="bench-", dir=BASE / "var")
os.environ |= {
    "VAR_DIR": os.environ["BENCH_VAR_DIR"],
    "SECRET_KEY": "a-key-for-measuring-only-" + "0123456789abcdef" * 3,
    "SITE_URL": "https://crm.example.com",
    "ALLOWED_HOSTS": "crm.example.com,127.0.0.1",
    "EMAIL_URL": f"smtp://127.0.0.1:{os.environ.get('BENCH_SMTP_PORT', '25')}",
    "LOG_LEVEL": "WARNING",
    "FORM_LIMIT": "10000000/m",
    "FORM_LIMIT_PER_IP": "10000000/m",
    "FORM_LIMIT_PER_ADDRESS": "10000000/m",
    "TRACK_LIMIT": "10000000/m",
}

from lifecycle.settings import *  # noqa: E402,F403

STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  nobody asks for a file
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405

NUDGE_WORKERS = False  # nobody listens
