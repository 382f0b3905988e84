"""The one signal of the spine. Receivers do set-based work on the batch and write rows only: no network, no commit."""

from django.dispatch import Signal

events_recorded = Signal()
"""Sent once per wave inside the batch's transaction, with `batch: leads.batch.Batch`. See leads.pipeline."""
