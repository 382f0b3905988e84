"""What is said to people, to whom, when, and what became of it.

Imports run one way: topic, template < sequence < enrollment < message < tracking, mailbox.
"""

from campaigns.models.enrollment import Enrollment
from campaigns.models.mailbox import MailboxMail
from campaigns.models.message import Message
from campaigns.models.sequence import ExclusiveGroup, Sequence, SequenceVersion, Step, Variant
from campaigns.models.suppression import Suppression
from campaigns.models.template import EmailTemplate, MessageClass, TemplateVersion
from campaigns.models.topic import Topic
from campaigns.models.tracking import Hit, ProviderEvent

__all__ = [
    "EmailTemplate",
    "Enrollment",
    "ExclusiveGroup",
    "Hit",
    "MailboxMail",
    "Message",
    "MessageClass",
    "ProviderEvent",
    "Sequence",
    "SequenceVersion",
    "Step",
    "Suppression",
    "TemplateVersion",
    "Topic",
    "Variant",
]
