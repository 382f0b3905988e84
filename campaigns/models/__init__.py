"""What is said to people, to whom, when, and what became of it.

Imports run one way: topic, template < sequence, broadcast < enrollment, entry, experiment < message < tracking.
"""

from campaigns.models.broadcast import Broadcast, BroadcastChange, BroadcastRun, BroadcastVariant
from campaigns.models.change import SequenceChange
from campaigns.models.decision import Decision
from campaigns.models.enrollment import Enrollment
from campaigns.models.entry import Backfill, BackfillEntry, WaitingEntry
from campaigns.models.experiment import Assignment, Experiment
from campaigns.models.mailbox import MailboxMail
from campaigns.models.message import Message
from campaigns.models.rehearsal import RehearsalRun
from campaigns.models.sender import Holiday, SenderAccount
from campaigns.models.sequence import ExclusiveGroup, Sequence, SequenceVersion, Step, Variant
from campaigns.models.suppression import Suppression
from campaigns.models.template import EmailTemplate, MessageClass, TemplateVersion
from campaigns.models.topic import Topic
from campaigns.models.tracking import Hit, ProviderEvent
from campaigns.models.webhook import WebhookCall

__all__ = [
    "Assignment",
    "Backfill",
    "BackfillEntry",
    "Broadcast",
    "BroadcastChange",
    "BroadcastRun",
    "BroadcastVariant",
    "Decision",
    "EmailTemplate",
    "Enrollment",
    "ExclusiveGroup",
    "Experiment",
    "Hit",
    "Holiday",
    "MailboxMail",
    "Message",
    "MessageClass",
    "ProviderEvent",
    "RehearsalRun",
    "SenderAccount",
    "Sequence",
    "SequenceChange",
    "SequenceVersion",
    "Step",
    "Suppression",
    "TemplateVersion",
    "Topic",
    "Variant",
    "WaitingEntry",
    "WebhookCall",
]
