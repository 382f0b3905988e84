"""`python -m tests.bench [part …]`: a run, of everything or of the parts that are named.

With a role's name first it is one of the processes that a run starts.
"""

import os
import sys
from importlib import import_module

import django

ROLES = {"worker", "rival"}
PARTS = {
    "mail",
    "floors",
    "rivals",
    "events",
    "send",
    "idle",
    "import",
    "broadcasts",
    "forms",
    "rehearsal",
    "attribution",
    "tracking",
    "identity",
    "segments",
    "tiers",
}


def main() -> int:
    arguments = sys.argv[1:]
    role = arguments.pop(0) if arguments and arguments[0] in ROLES else "run"
    if role == "run" and not PARTS.issuperset(arguments):
        sys.exit(f'make bench ARGS="send" measures a part alone; the parts: {", ".join(sorted(PARTS))}')
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
    django.setup()
    result: int = import_module(f"tests.bench.{role}").main(arguments)
    return result


if __name__ == "__main__":
    sys.exit(main())
