"""Customers in the admin: what is sold, and what billing says of people."""

from lifecycle.customers.admin import facts, on_lead, products, purchases

__all__ = ["facts", "on_lead", "products", "purchases"]
