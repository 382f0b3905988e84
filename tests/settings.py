"""The product's settings as the tests run them: nothing of the developer's environment, everything local."""

import os
import tempfile
from uuid import UUID

from lifecycle.env import NAMES

for name in list(os.environ):
    if name in NAMES or name.startswith("ANYMAIL_"):
        del os.environ[name]
if "TEST_VAR_DIR" not in os.environ:  # xdist workers inherit the folder of the run
    os.environ["TEST_VAR_DIR"] = tempfile.mkdtemp(prefix="lifecycle-tests-")
os.environ["VAR_DIR"] = os.environ["TEST_VAR_DIR"]
os.environ["SECRET_KEY"] = "a-key-for-tests-only-" + "0123456789abcdef" * 3
os.environ["SANDBOX"] = "1"

from lifecycle.settings import *  # noqa: E402,F403

STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405  whitenoise warns otherwise

ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
NUDGE_WORKERS = False
# Every test's database belongs to this run, whatever other tests do in the folder that they share.
INSTANCE_ID = UUID("7e57da7a-0000-4000-8000-000000000000")
INSTANCE_FILE = None
