"""What a form's answers do to the person whose form it was: their profile, their browser's past, one more touch."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leads import arrival, attribution, intake, magnets, visitors
from leads.batch import LeadRow
from leads.models import Form, Magnet
from leads.questions import Answer


@dataclass(frozen=True, slots=True)
class Said:
    """A post that counts: what was sent, the answers in it, the browser it came from, and the door it came by."""

    form: Form
    data: Mapping[str, Any]
    answers: Mapping[str, Answer]
    user_agent: str = ""
    door: str = "form"


def enter(row: LeadRow, said: Said, *, now: datetime) -> int:
    """Bring it in, inside the caller's transaction; the touch's id. The row is to be flushed."""
    arrival.fill(row, intake.profile_columns(said.answers), intake.attributes(said.answers), now=now)
    if browser := attribution.anonymous_id(said.data):
        visitors.join(row, browser, now=now)
    provenance = attribution.read(said.data, user_agent=said.user_agent)
    touch = arrival.touch(row, provenance, kind="form", form=said.form.slug, now=now)
    if not row["form_source"]:
        row.set("form_source", said.form.slug)
    return touch


def properties(said: Said, lead_id: int, submission_id: int, *, now: datetime) -> dict[str, Any]:
    """Of the event that tells of it: the answers, and the file that people get for them."""
    return {
        **said.answers,
        **magnet_of(said.form, lead_id, now=now),
        "form": said.form.slug,
        "submission": submission_id,
    }


def magnet_of(form: Form, lead_id: int, *, now: datetime) -> dict[str, str]:
    """The form's file with a link for this person; nothing if it gives none."""
    magnet = Magnet.objects.filter(pk=form.magnet_id, is_active=True).first() if form.magnet_id else None
    if magnet is None:
        return {}
    return {"magnet": magnet.slug, "magnet_name": magnet.name, "magnet_url": magnets.link(magnet, lead_id, now=now)}
