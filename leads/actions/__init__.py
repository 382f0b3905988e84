"""The verbs of the person. Each is one transaction: whole or not at all, with `now` passed in."""

from leads.actions.record import record

__all__ = ["record"]
