"""The admin of campaigns: what is said to people, to whom, and what became of it."""

from campaigns.admin import (
    addresses,
    broadcast_runs,
    broadcasts,
    experiments,
    holidays,
    on_lead,
    rehearsals,
    runs,
    senders,
    sequences,
    steps,
    templates,
    tracking,
    versions,
    waiting,
    webhooks,
)

__all__ = [
    "addresses",
    "broadcast_runs",
    "broadcasts",
    "experiments",
    "holidays",
    "on_lead",
    "rehearsals",
    "runs",
    "senders",
    "sequences",
    "steps",
    "templates",
    "tracking",
    "versions",
    "waiting",
    "webhooks",
]
