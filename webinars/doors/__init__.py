"""Doors that several higher packages open: a webinar as a page."""
