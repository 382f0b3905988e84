"""What a launch does with those who already match: none, all, from the step by elapsed time, or a sample. Rule 5."""

from campaigns.launching.backfills import LaunchRefused, Progress, progress, start, stop
from campaigns.launching.entering import drain

__all__ = ["LaunchRefused", "Progress", "drain", "progress", "start", "stop"]
