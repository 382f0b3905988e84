"""The kinds of steps. Pure: a step looks at where a person stands and says to stay, to pass on, or to end.

A new kind is a dataclass in this folder with `decide`, a row kind in `models.Step.Kind` and a reader in `journeys.py`.
"""

from campaigns.steps.acts import BranchStep, EndStep, NotifyStep, SetStep
from campaigns.steps.contract import (
    Decision,
    Effect,
    Hold,
    Leave,
    Note,
    Notify,
    Pass,
    Position,
    Queue,
    SetField,
    Stay,
    Step,
    passing,
)
from campaigns.steps.dates import DateStep, with_deadlines
from campaigns.steps.mails import SendStep
from campaigns.steps.removed import TombstoneStep
from campaigns.steps.waits import CalendarStep, EventStep, WaitStep, beginning, ending

__all__ = [
    "BranchStep",
    "CalendarStep",
    "DateStep",
    "Decision",
    "Effect",
    "EndStep",
    "EventStep",
    "Hold",
    "Leave",
    "Note",
    "Notify",
    "NotifyStep",
    "Pass",
    "Position",
    "Queue",
    "SendStep",
    "SetField",
    "SetStep",
    "Stay",
    "Step",
    "TombstoneStep",
    "WaitStep",
    "beginning",
    "ending",
    "passing",
    "with_deadlines",
]
