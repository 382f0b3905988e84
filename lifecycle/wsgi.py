"""The web application as a WSGI callable."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifecycle.settings")

application = get_wsgi_application()

from leads import reacting  # noqa: E402  models can be imported only now

reacting.in_background()
