"""The person, what happened to them, and what we conclude from it.

Imports run one way: workspace, company, event, touch < lead < scoring, stage, segment, capture, consent.
"""

from leads.models.capture import Audience, Form, Submission
from leads.models.company import Company
from leads.models.consent import Consent
from leads.models.event import Event, EventName, PendingEvent
from leads.models.lead import Identity, Lead, Visitor
from leads.models.scoring import ScoreEntry, ScoreGroup, ScoreRule
from leads.models.segment import Segment, SegmentMember
from leads.models.stage import StageChange, StageRule
from leads.models.touch import Touch
from leads.models.workspace import Workspace

__all__ = [
    "Audience",
    "Company",
    "Consent",
    "Event",
    "EventName",
    "Form",
    "Identity",
    "Lead",
    "PendingEvent",
    "ScoreEntry",
    "ScoreGroup",
    "ScoreRule",
    "Segment",
    "SegmentMember",
    "StageChange",
    "StageRule",
    "Submission",
    "Touch",
    "Visitor",
    "Workspace",
]
