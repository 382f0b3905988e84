"""The one signal of the spine. Receivers do set-based work on the batch and write rows only: no network, no commit."""

from django.dispatch import Signal

events_recorded = Signal()
"""Sent once per wave inside the batch's transaction, with `batch: leads.batch.Batch`. See leads.pipeline."""

lead_leaving = Signal()
"""Sent before a person is erased, with `lead` and `now`, in no transaction: stop what is under way, and wait for it."""

lead_erased = Signal()
"""Sent in the transaction that erases a person, with `lead` and `now`: delete what does not hang on their row."""
