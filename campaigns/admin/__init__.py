"""The admin of campaigns: what is said to people, to whom, and what became of it."""

from campaigns.admin import addresses, on_lead, runs, sequences, steps, templates, tracking, versions

__all__ = ["addresses", "on_lead", "runs", "sequences", "steps", "templates", "tracking", "versions"]
