"""Tracking calls in the words of Segment's HTTP API: read one by one, stored together, once each.

`calls` reads, `times` corrects clocks, `kinds` names what happened, `keeping` says what of it is kept; all pure.
`accepting` stores a delivery in two statements.
"""

from leads.tracking.accepting import Accepted, Delivery, Refusal, accept
from leads.tracking.calls import CALLS, LARGEST_CALL, MOST_IN_BATCH, mended

__all__ = ["CALLS", "LARGEST_CALL", "MOST_IN_BATCH", "Accepted", "Delivery", "Refusal", "accept", "mended"]
