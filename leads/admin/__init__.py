"""The admin of people: what a marketer sees and edits of leads, rules, forms and the log."""

from leads.admin import capture, lead, log, magnets, pages, scoring, segment, setup, titles, tracking

__all__ = ["capture", "lead", "log", "magnets", "pages", "scoring", "segment", "setup", "titles", "tracking"]
