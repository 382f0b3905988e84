"""How engaged people are, kept by itself: up at once with an act, down by the clock; and who is left in peace.

- `following`: the people of a batch, in memory, as the pipeline goes along: an act raises, and ends a sunset.
- `looking`: in SQL, whoever fell due, and everybody when the thresholds changed or once a night.
- `resting`: sunset: a person of whom nothing was heard gets no marketing mail until they act.
The rule itself is `leads.tiers`, which is pure.
"""

from leads.engagement.following import Tiers
from leads.engagement.looking import drain, progress, verify
from leads.engagement.resting import FIELD as SUNSET

__all__ = ["SUNSET", "Tiers", "drain", "progress", "verify"]
