"""The admin of people: what a marketer sees and edits of leads, rules, forms and the log."""

from leads.admin import (
    capture,
    conversions,
    forms,
    imports,
    lead,
    log,
    magnets,
    pages,
    scoring,
    segment,
    setup,
    submissions,
    titles,
    touches,
    tracking,
)

__all__ = [
    "capture",
    "conversions",
    "forms",
    "imports",
    "lead",
    "log",
    "magnets",
    "pages",
    "scoring",
    "segment",
    "setup",
    "submissions",
    "titles",
    "touches",
    "tracking",
]
