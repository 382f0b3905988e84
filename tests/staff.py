"""Colleagues by role, and the rows of a small company that they look at."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from campaigns.models import (
    EmailTemplate,
    Enrollment,
    ExclusiveGroup,
    Message,
    Sequence,
    SequenceVersion,
    Step,
    TemplateVersion,
    Topic,
)
from leads.models import Event, Lead, PendingEvent, ScoreEntry, ScoreRule, StageChange, Touch
from tests.factories import NOON, LeadFactory, ScoreGroupFactory, ScoreRuleFactory

BODY = "<mj-section><mj-column><mj-text>Hello {{ lead.first_name }}</mj-text></mj-column></mj-section>"


def colleague(role: str) -> Client:
    """A signed-in browser of somebody of that role; "boss" is the superuser, "outsider" is not staff."""
    user, new = User.objects.get_or_create(username=f"{role}@example.com", email=f"{role}@example.com")
    if new:
        user.is_staff = role != "outsider"
        user.is_superuser = role == "boss"
        user.save()
        user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def of(client: Client) -> User:
    return User.objects.get(pk=client.session["_auth_user_id"])


def rule(name: str, *, dimension: str = "intent", points: int = 10) -> ScoreRule:
    group = ScoreGroupFactory(slug=dimension, name=dimension.title(), dimension=dimension, cap=55)
    return ScoreRule.objects.filter(name=name).first() or ScoreRuleFactory(name=name, group=group, points=points)


def hot_lead(number: int = 0, **fields: Any) -> Lead:
    """A hot lead whose ledger says why: the right size once, the prices three times."""
    values = {"email": f"hot{number}@acme.com", "first_name": "Ana", "last_name": f"Silva{number}"}
    values |= {"company_name": "Acme", "job_title": "Head of Operations", "stage": "sql"}
    values |= {"temperature": "hot", "fit_score": 55, "intent_score": 30, "score": 85, "hot_since": NOON}
    touch = Touch.objects.create(kind="form", source="google", medium="cpc", occurred_at=NOON, recorded_at=NOON)
    lead = LeadFactory(**{**values, **fields}, original_touch=touch, latest_touch=touch)
    Touch.objects.filter(pk=touch.pk).update(lead=lead)
    entry(lead, "50 to 500 employees", 55, dimension="fit")
    for _ in range(3):
        entry(lead, "Looked at the prices", 10)
    return lead


def entry(lead: Lead, name: str, points: int, *, dimension: str = "intent") -> ScoreEntry:
    given = rule(name, dimension=dimension, points=points)
    return ScoreEntry.objects.create(lead=lead, dimension=dimension, rule=given, points=points, at=NOON)


def event(lead: Lead, kind: str, at: datetime = NOON, **properties: Any) -> Event:
    key = f"{kind}:{Event.objects.count()}"
    values = {"properties": properties, "occurred_at": at, "recorded_at": at, "source": "web", "key": key}
    return Event.objects.create(lead=lead, kind=kind, **values)


def template(slug: str = "hello", *, body: str = BODY) -> EmailTemplate:
    topic, _ = Topic.objects.get_or_create(slug="tips", defaults={"name": "Product tips"})
    defaults = {"name": slug.title(), "topic": topic, "subject": "Hello {{ lead.first_name }}", "body": body}
    return EmailTemplate.objects.get_or_create(slug=slug, defaults=defaults)[0]


def sequence(slug: str = "nurture") -> Sequence:
    """A published sequence: a mail, three days, a mail."""
    group, _ = ExclusiveGroup.objects.get_or_create(slug="sales", defaults={"name": "Sales conversation"})
    made = Sequence.objects.create(slug=slug, name=slug.title(), group=group, status="live")
    version = SequenceVersion.objects.create(sequence=made, number=1)
    add_step(version, "first", 0, kind="send", template=template("hello"))
    add_step(version, "wait-1", 1, kind="wait", duration=timedelta(days=3))
    add_step(version, "second", 2, kind="send", template=template("again"))
    SequenceVersion.objects.filter(pk=version.pk).update(state="published", published_at=NOON)
    Sequence.objects.filter(pk=made.pk).update(current_version=version)
    made.refresh_from_db()
    return made


def add_step(version: SequenceVersion, key: str, position: int, **fields: Any) -> Step:
    return Step.objects.create(version=version, key=key, position=position, **fields)


def published(mail: EmailTemplate) -> TemplateVersion:
    compiled = {
        "subject": mail.subject,
        "preheader": "",
        "html": "<p>Hi</p>",
        "text": "Hi",
        "links": [],
        "variables": [],
    }
    source = {name: getattr(mail, name) for name in ("format", "subject", "preheader", "body", "text")}
    values = {"source": source, "compiled": compiled, "published_at": NOON, "message_class": mail.message_class}
    version, _ = TemplateVersion.objects.get_or_create(template=mail, number=1, defaults=values)
    EmailTemplate.objects.filter(pk=mail.pk).update(current_version=version)
    return version


def run(lead: Lead, of_sequence: Sequence) -> Enrollment:
    """The lead waits between the two mails."""
    version = of_sequence.current_version
    values = {"step_key": "wait-1", "step_since": NOON, "enrolled_at": NOON, "goal_since": NOON, "is_waiting": True}
    due = NOON + timedelta(days=3)
    return Enrollment.objects.create(sequence=of_sequence, version=version, lead=lead, due_at=due, **values)


def message(lead: Lead, key: str, *, state: str = "sent", **fields: Any) -> Message:
    settled = None if state in ("ready", "sending") else NOON
    values = {
        "template_version": published(template()),
        "message_class": "marketing",
        "due_at": NOON,
        "created_at": NOON,
    }
    values |= {"subject": "Hello Ana", "reason": "" if state == "sent" else "because", "settled_at": settled}
    return Message.objects.create(lead=lead, key=key, state=state, **{**values, **fields})


def moved(lead: Lead, before: str, after: str, reason: str) -> StageChange:
    return StageChange.objects.create(lead=lead, before=before, after=after, reason=reason, at=NOON)


def dead(lead: Lead) -> PendingEvent:
    values = {"attempts": 5, "error": "Traceback\nValueError: a rule divides by zero", "dead_at": NOON}
    return PendingEvent.objects.create(event=event(lead, "pricing.viewed"), lead=lead, **values)
