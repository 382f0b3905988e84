"""Membership of segments, kept by difference, so that entering and leaving are events, each exactly once.

- `membership`: the people of a batch, in memory, as the pipeline goes along.
- `building`: a whole segment, in SQL, in chunks: new, changed, and once a day to be sure.
- `waiting`: people whom time alone may let in or out, found by their due time.
- `previewing`: how many a rule would hold for, and whom, and why.
"""

from leads.segments.building import change_rule, make_current, parsed, refresh, refresh_due
from leads.segments.membership import Memberships, follow
from leads.segments.previewing import count, preview
from leads.segments.waiting import drain as look_at_due

__all__ = [
    "Memberships",
    "change_rule",
    "count",
    "follow",
    "look_at_due",
    "make_current",
    "parsed",
    "preview",
    "refresh",
    "refresh_due",
]
