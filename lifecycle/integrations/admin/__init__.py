"""The inbox and its senders in the admin, a module a page. Importing this registers them."""

from lifecycle.integrations.admin import inbox, on_lead, sources

__all__ = ["inbox", "on_lead", "sources"]
