"""Changing what is live: drafts, versions, and what becomes of the people in flight. Rules 5, 21 and 22."""
