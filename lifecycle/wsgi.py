"""The web application as a WSGI callable."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifecycle.settings")

django = get_wsgi_application()

from leads import reacting  # noqa: E402  models can be imported only now
from lifecycle import chunked  # noqa: E402
from lifecycle.core import sql  # noqa: E402

application = chunked.with_length(django)

reacting.in_background()
if not settings.POOLED:
    sql.always_prepare()
