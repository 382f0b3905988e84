"""Customers in the admin: what is sold, and what billing says of people."""

from lifecycle.customers.admin import facts, leaving, on_lead, products, purchases

__all__ = ["facts", "leaving", "on_lead", "products", "purchases"]
