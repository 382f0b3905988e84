"""Customers listen to the spine here."""
