#!/usr/bin/env python
"""Django's command line. Commands that need the embedded database have it for as long as they run."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

# These need no database, or (`up`) look after it themselves.
WITHOUT_DATABASE = {"up", "help", "version", "check", "collectstatic", "diffsettings", "findstatic", "spectacular"}


def database(arguments: list[str]) -> "AbstractContextManager[object]":
    from django.conf import settings

    from lifecycle import postgres

    command = arguments[1] if len(arguments) > 1 else "help"
    asks_for_help = bool({"-h", "--help", "--version"} & set(arguments))
    if command in WITHOUT_DATABASE or asks_for_help or settings.EMBEDDED_POSTGRES is None:
        return nullcontext()
    return postgres.running(settings.EMBEDDED_POSTGRES)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lifecycle.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from lifecycle.postgres import Unavailable

    try:
        with database(sys.argv):
            execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, Unavailable) as problem:
        sys.exit(f"{problem}")


if __name__ == "__main__":
    main()
