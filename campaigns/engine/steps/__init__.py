"""The kinds of steps. Pure: a step looks at where a person stands and says to stay, to pass on, or to end.

A new kind is a dataclass in this folder with `decide`, a row kind in `models.Step.Kind` and a reader in `journeys.py`.
"""

from campaigns.engine.steps.acts import BranchStep, EndStep, NotifyStep, SetStep
from campaigns.engine.steps.beyond import EnrollStep, ExitStep, TaskStep, WebhookStep
from campaigns.engine.steps.contract import (
    CallWebhook,
    Decision,
    Effect,
    Hold,
    Leave,
    Note,
    Notify,
    Pass,
    Position,
    ProposeEntry,
    Queue,
    RequestTask,
    SetField,
    Stay,
    Step,
    TakeOut,
    passing,
)
from campaigns.engine.steps.dates import DateStep, with_deadlines
from campaigns.engine.steps.mails import SendStep
from campaigns.engine.steps.removed import TombstoneStep
from campaigns.engine.steps.waits import CalendarStep, EventStep, WaitStep, beginning, ending

__all__ = [
    "BranchStep",
    "CalendarStep",
    "CallWebhook",
    "DateStep",
    "Decision",
    "Effect",
    "EndStep",
    "EnrollStep",
    "EventStep",
    "ExitStep",
    "Hold",
    "Leave",
    "Note",
    "Notify",
    "NotifyStep",
    "Pass",
    "Position",
    "ProposeEntry",
    "Queue",
    "RequestTask",
    "SendStep",
    "SetField",
    "SetStep",
    "Stay",
    "Step",
    "TakeOut",
    "TaskStep",
    "TombstoneStep",
    "WaitStep",
    "WebhookStep",
    "beginning",
    "ending",
    "passing",
    "with_deadlines",
]
