"""The verbs of the person, for doors. Each is one transaction, whole or not at all, with `now` passed in."""

from leads.actions.capture import CaptureConflict, Captured, CaptureError, FormPost, UnknownForm, capture
from leads.actions.confirm import confirm
from leads.actions.erase import erase
from leads.actions.events import EventError, Telling, Told, add_event
from leads.actions.people import LeadError, Upserted, assign_owner, set_fields, update_lead, upsert_lead
from leads.actions.record import record
from leads.actions.stage import move_stage, sweep_stages
from leads.actions.sunset import bring_back

__all__ = [
    "CaptureConflict",
    "CaptureError",
    "Captured",
    "EventError",
    "FormPost",
    "LeadError",
    "Telling",
    "Told",
    "UnknownForm",
    "Upserted",
    "add_event",
    "assign_owner",
    "bring_back",
    "capture",
    "confirm",
    "erase",
    "move_stage",
    "record",
    "set_fields",
    "sweep_stages",
    "update_lead",
    "upsert_lead",
]
