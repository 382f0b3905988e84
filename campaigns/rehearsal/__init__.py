"""What a version of a sequence would have done to the people of the past. It reads the log and writes nothing.

The virtual clock goes from instant to instant of each person by themselves: what happened to them, and what falls due.
Every decision is taken by the functions that production runs: triggers.judge, engine.decide, engine.exit_of,
checks.verdict.
"""

from campaigns.rehearsal.findings import Difference, Outcome, Rehearsal
from campaigns.rehearsal.running import NothingToRehearse, rehearse

__all__ = ["Difference", "NothingToRehearse", "Outcome", "Rehearsal", "rehearse"]
