"""The person, what happened to them, and what we conclude from it.

Imports run one way: workspace, company, event, touch < lead < identity, conversion, scoring, stage, segment, consent,
capture < page; imports stand alone.
"""

from leads.models.capture import Audience, Confirmation, Form, Magnet, Submission
from leads.models.company import Company, TitleRule
from leads.models.consent import Consent
from leads.models.conversion import Conversion
from leads.models.event import Event, EventName, PageRule, PendingEvent
from leads.models.identity import AddressAlias, LeadMerge, PendingIdentity, PossibleDuplicate
from leads.models.imports import ImportRefusal, ImportRun
from leads.models.lead import Lead, Visitor
from leads.models.page import LandingPage, PageVariant, PageVisit
from leads.models.scoring import ScoreEntry, ScoreGroup, ScoreRule
from leads.models.segment import Segment, SegmentDue, SegmentMember, SegmentTally
from leads.models.stage import StageChange, StageRule
from leads.models.touch import ChannelRule, Touch
from leads.models.workspace import Workspace

__all__ = [
    "AddressAlias",
    "Audience",
    "ChannelRule",
    "Company",
    "Confirmation",
    "Consent",
    "Conversion",
    "Event",
    "EventName",
    "Form",
    "ImportRefusal",
    "ImportRun",
    "LandingPage",
    "Lead",
    "LeadMerge",
    "Magnet",
    "PageRule",
    "PageVariant",
    "PageVisit",
    "PendingEvent",
    "PendingIdentity",
    "PossibleDuplicate",
    "ScoreEntry",
    "ScoreGroup",
    "ScoreRule",
    "Segment",
    "SegmentDue",
    "SegmentMember",
    "SegmentTally",
    "StageChange",
    "StageRule",
    "Submission",
    "TitleRule",
    "Touch",
    "Visitor",
    "Workspace",
]
