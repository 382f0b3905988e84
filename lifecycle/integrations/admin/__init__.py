"""The inbox and its senders in the admin, a module a page. Importing this registers them."""

from lifecycle.integrations.admin import answers, inbox, on_lead, sources

__all__ = ["answers", "inbox", "on_lead", "sources"]
