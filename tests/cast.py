"""The stage for stories: the product with its shipped playbooks, a mail server, a clock, and people with names.

Everything goes through the doors that the outside uses; the engine runs when the clock is moved.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core import mail as alerts
from django.core.mail import EmailMessage
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from campaigns.models import EmailTemplate, Enrollment, Message
from campaigns.sending import outbox
from campaigns.sending.delivery import open_transport
from campaigns.sending.outbox import Draft
from leads.models import Event, Lead
from leads.segments import building
from lifecycle import engine
from lifecycle.api import keys
from lifecycle.api.limited import COUNTER
from lifecycle.api.models import Scope
from lifecycle.core import gate
from tests import billing, calendly
from tests.billing import Order
from tests.calendly import Invitee
from tests.factories import NOON
from tests.smtp_server import ReceivedMail, SmtpServer

SITE = "https://crm.example.com"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
# Ada fits well (120 people, head of a department: 55 points), Ben a little (15), Sam not at all.
ADA = {
    "email": "ada@acme.com",
    "first_name": "Ada",
    "last_name": "Ash",
    "company": "Acme",
    "company_size": "120",
    "job_title": "Head of Marketing",
}
BEN = {
    "email": "ben@ode.example",
    "first_name": "Ben",
    "last_name": "Ode",
    "company": "Ode",
    "company_size": "6",
    "job_title": "Analyst",
}
SAM = {"email": "sam@gmail.com", "first_name": "Sam", "job_title": "Student"}


class World:
    """The product as a story sees it. `now` is the story's clock, which begins at NOON, a Monday."""

    def __init__(self, smtp: SmtpServer, clock: time_machine.Traveller) -> None:
        self.smtp = smtp
        self.browser = Client(headers={"user-agent": FIREFOX})
        self.program = APIClient()
        self._clock = clock
        self._transport = open_transport()
        self.now = NOON
        gate.closed(NOON)  # as run_engine asks before its first tick; the installation notes then that it runs
        _, self.key = keys.issue(name="The shop", scopes=Scope.values, now=NOON)
        self.program.credentials(HTTP_AUTHORIZATION=f"Bearer {self.key}")

    def close(self) -> None:
        self._transport.close()

    # --- the clock
    def set_clock(self, moment: datetime) -> None:
        self.now = moment
        self._clock.move_to(moment)

    def later(self, **span: float) -> None:
        """Let time pass without the engine: later(minutes=5)."""
        self.set_clock(self.now + timedelta(**span))

    def run(self) -> dict[str, int]:
        """Let the engine do what is due now."""
        return engine.run(self._transport, now=self.now)

    def at(self, **since_start: float) -> dict[str, int]:
        """Set the clock to so long after the start, at(days=7), and let the engine run."""
        self.set_clock(NOON + timedelta(**since_start))
        return self.run()

    # --- what people and programs do
    def submit(self, form: str, **answers: Any) -> Lead:
        """A person sends a form of the website."""
        answer = self.browser.post(f"/api/v1/forms/{form}/submissions", answers, content_type="application/json")
        assert answer.status_code == 201, answer.content
        return Lead.objects.get(email_normal=answers["email"].lower())

    def tell(self, lead: Lead, kind: str, **properties: Any) -> Any:
        """The product tells what a person did; the answer of the door."""
        body = {"kind": kind, "properties": properties, "occurred_at": self.now.isoformat()}
        answer = self.program.post(f"/api/v1/leads/{lead.pk}/events", body, format="json")
        assert answer.status_code == 201, answer.content
        lead.refresh_from_db()
        return answer

    def calendly(self, *calls: dict[str, Any]) -> None:
        """Calendly tells of something."""
        for call in calls:
            answer = calendly.post(self.browser, call, at=self.now)
            assert answer.status_code == 200, answer.content

    def book(self, email: str, *, days: float = 3, **said: Any) -> Invitee:
        """A person books a demo at Calendly, so many days from now."""
        invitee = Invitee(email, self.now + timedelta(days=days), self.now, **said)
        self.calendly(invitee.created())
        return invitee

    def rebook(self, invitee: Invitee, *, days: float = 5) -> Invitee:
        """They move it to another time."""
        moved, calls = invitee.moved(self.now + timedelta(days=days), self.now)
        self.calendly(*calls)
        return moved

    def cancel(self, invitee: Invitee, reason: str = "") -> None:
        """They call it off."""
        self.calendly(invitee.canceled(self.now, reason))

    def stripe(self, *events: dict[str, Any]) -> None:
        """Stripe tells of something."""
        for event in events:
            answer = billing.post(self.browser, event, at=self.now)
            assert answer.status_code == 200, answer.content

    def pay(self, email: str, product: str = "Starter plan", amount: int = 9900, **said: Any) -> Order:
        """A person buys something in Stripe's checkout; the amount in cents."""
        metadata = {"product": product, **said.pop("metadata", {})}
        order = Order(email, self.now, amount=amount, metadata=metadata, **said)
        self.stripe(order.checkout())
        return order

    def track(self, call: str, **told: Any) -> None:
        """The website's snippet or a Segment SDK tells what somebody does: track("page", anonymousId="b1", …)."""
        moment = self.now.isoformat()
        body = {"writeKey": self.key, "messageId": str(uuid4()), "timestamp": moment, "sentAt": moment, **told}
        answer = self.browser.post(f"/v1/{call}", body, content_type="application/json")
        assert answer.status_code == 200, answer.content
        assert "rejected" not in answer.json(), answer.content

    def look(self, browser: str, url: str, referrer: str = "") -> None:
        """A browser shows a page that carries the snippet."""
        context = {"page": {"url": url, "referrer": referrer}, "userAgent": FIREFOX}
        self.track("page", anonymousId=browser, context=context)

    def follow(self, url: str, **headers: str) -> Any:
        """Open a link of a mail in a browser."""
        return self.browser.get(path_of(url), headers=headers or None)

    # --- what came of it
    def mails_to(self, lead: Lead) -> list[ReceivedMail]:
        return [mail for mail in self.smtp.mails if mail.recipient == lead.email]

    def subjects(self, lead: Lead) -> list[str]:
        return [mail.subject for mail in self.mails_to(lead)]

    @property
    def alerts(self) -> list[EmailMessage]:
        """What the reps were told by mail."""
        return alerts.outbox


@pytest.fixture
def world(db: None, stage: None, smtp_server: SmtpServer) -> Iterator[World]:
    """A story in a transaction of its own; its module uses the fixture `playbooks`."""
    with _open(smtp_server) as opened:
        yield opened


@pytest.fixture
def live_world(own_database: str, stage: None, smtp_server: SmtpServer) -> Iterator[World]:
    """A story whose commits are real, for threads."""
    with _open(smtp_server) as opened:
        yield opened


class _open:
    def __init__(self, smtp: SmtpServer) -> None:
        self._smtp = smtp
        self._travel = time_machine.travel(NOON, tick=False)

    def __enter__(self) -> World:
        self._world = World(self._smtp, self._travel.start())
        return self._world

    def __exit__(self, *problem: object) -> None:
        self._world.close()
        self._travel.stop()


@pytest.fixture
def stage(settings: Settings, smtp_server: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Who belongs to a segment follows from what happens: no story leans on the daily look at everybody, to be sure.
    monkeypatch.setattr(building, "SURE_EVERY", timedelta(days=1000))
    settings.MAIL = smtp_server.settings
    settings.SITE_URL = SITE
    settings.DEFAULT_FROM_EMAIL = "Mia of Lifecycle <mia@example.com>"
    settings.SALES_EMAIL = "sales@example.com"
    settings.CALENDLY_WEBHOOK_SECRETS = [calendly.SECRET]
    settings.STRIPE_WEBHOOK_SECRETS = [billing.SECRET]
    COUNTER.clear()
    yield
    COUNTER.clear()


def path_of(url: str) -> str:
    assert url.startswith(SITE), url
    return url.removeprefix(SITE)


def links(mail: ReceivedMail) -> list[str]:
    """Where the mail's links lead, in order, without the footer's."""
    found = [unescape(href) for href in re.findall(r'href="([^"]+)"', mail.html)]
    return [href for href in found if "/u/" not in href and "/preferences/" not in href]


def footer_link(mail: ReceivedMail, page: str) -> str:
    """The link to the page "u" or "preferences" in the mail's footer."""
    return re.findall(rf'href="({SITE}/{page}/[^"]+)"', mail.html)[0]


def one_click(mail: ReceivedMail) -> str:
    """The https address of List-Unsubscribe."""
    return re.findall(r"<(https:[^>]+)>", str(mail.message["List-Unsubscribe"]))[0]


def run_of(lead: Lead, sequence: str) -> Enrollment:
    return Enrollment.objects.filter(lead=lead, sequence__slug=sequence).latest("pk")


def messages(lead: Lead, **which: Any) -> list[tuple[str, str, str]]:
    """(step, state, reason) of the lead's mails, oldest first."""
    rows = Message.objects.filter(lead=lead, **which).order_by("pk")
    return [(row.step_key, row.state, row.reason) for row in rows]


def kinds(lead: Lead) -> list[str]:
    return list(Event.objects.filter(lead=lead).order_by("pk").values_list("kind", flat=True))


def letters(leads: Sequence[Lead], template: str = "demo-nurture-1", *, now: datetime = NOON) -> list[Message]:
    """Queue a mail of a shipped template to each of them, outside any sequence; in their order."""
    made = EmailTemplate.objects.get(slug=template)
    keys = [f"letter:{template}:{lead.pk}" for lead in leads]
    one_by_one = [now - timedelta(seconds=len(leads) - number) for number in range(len(leads))]
    given = zip(keys, leads, one_by_one, strict=True)
    outbox.queue([Draft(key, lead.pk, made.pk, due_at=due_at) for key, lead, due_at in given], now=now)
    found = Message.objects.in_bulk(keys, field_name="key")
    return [found[key] for key in keys]
