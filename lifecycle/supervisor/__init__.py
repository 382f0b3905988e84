"""`manage.py up`: the whole product from one command, started in order, watched, and stopped in order."""

from lifecycle.supervisor.run import Refused, alone, up

__all__ = ["Refused", "alone", "up"]
