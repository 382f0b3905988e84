"""Webinars listen to the spine here."""
