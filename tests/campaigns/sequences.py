"""Sequences and people in the database, for tests of everything that runs them."""

from datetime import datetime
from typing import Any

import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.exchange import import_sequence
from campaigns.models import Enrollment, Message, Sequence
from leads.models import Lead, Workspace
from tests.factories import NOON, LeadFactory

BODY = """<!doctype html><html><body><p>Hello {{ lead.first_name }}</p>
<p><a href="https://acme.test/guide">The guide</a></p>
<p>{{ workspace.postal_address }}, <a href="{{ unsubscribe_url }}">unsubscribe</a>,
<a href="{{ preferences_url }}">preferences</a></p></body></html>"""


def template(slug: str, **changes: Any) -> dict[str, Any]:
    values = {"slug": slug, "name": slug.capitalize(), "format": "html", "subject": "Hello", "body": BODY}
    return {**values, **changes}


def content(slug: str = "welcome", **changes: Any) -> dict[str, Any]:
    """A file's content: one mail on a form, unless `changes` say otherwise. Mails that are only named are made."""
    values: dict[str, Any] = {
        "slug": slug,
        "name": slug.capitalize(),
        "entry": {"triggers": [{"event": "form.submitted"}]},
        "steps": [{"id": "hello", "send": "hello"}],
        **changes,
    }
    values.setdefault("templates", [template(name) for name in mails_of(values["steps"])])
    return values


def mails_of(steps: list[dict[str, Any]]) -> list[str]:
    names: list[str] = []
    for step in steps:
        sent = step.get("send", "")
        given = [variant["template"] for variant in sent["variants"]] if isinstance(sent, dict) else [sent]
        names += [name for name in given if name and name not in names]
    return names


def live(slug: str = "welcome", *, now: datetime = NOON, **changes: Any) -> Sequence:
    """A published sequence; `changes` are keys of its file."""
    return import_sequence(yaml.safe_dump(content(slug, **changes)), now=now, publish=True)


def people(count: int) -> list[Lead]:
    """Leads of different addresses, made in bulk; the row of the workspace too."""
    Workspace.load()
    return Lead.objects.bulk_create(LeadFactory.build_batch(count))


def enrolled(sequence: Sequence, lead: Lead, **changes: Any) -> Enrollment:
    """A run as it begins: due at its first step."""
    version = sequence.current_version
    values: dict[str, Any] = {
        "version": version,
        "step_key": version.steps.first().key,
        "step_since": NOON,
        "due_at": NOON,
        "enrolled_at": NOON,
        "goal_since": NOON,
        **changes,
    }
    return Enrollment.objects.create(sequence=sequence, lead=lead, **values)


def states(sequence: Sequence) -> list[str]:
    return list(Message.objects.filter(sequence=sequence).order_by("pk").values_list("state", flat=True))


def count_queries() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)
