"""The Celery application. Messages are hints: losing every one of them only delays what the database knows is due."""

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifecycle.settings")

# Running as root is supported: messages are JSON with ids alone, so no broker can make a worker run anything else.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("lifecycle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
