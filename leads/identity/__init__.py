"""Who is who: browsers, users of the product and addresses become people, and people are merged by hand.

The rules in plain words: docs/identity.md.
"""

from leads.identity.pending import IdentityCounts, drain, identify_at_once, identify_pending

__all__ = ["IdentityCounts", "drain", "identify_at_once", "identify_pending"]
