"""Doors that several higher packages open: a form as a page."""
