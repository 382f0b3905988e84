"""Brightquay, which sells workflow automation to operations teams. Invented, as are its people, prices and campaigns.

Every address ends in `.example`, which nobody can own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group, User

from leads.models import Workspace
from lifecycle.api import keys
from lifecycle.api.models import Scope
from lifecycle.demo import sessions
from lifecycle.sales.models import AssignmentRule

SITE = "https://www.brightquay.example"
WORKSPACE = {
    "name": "Brightquay",
    "sender_name": "Nora from Brightquay",
    "sender_email": "nora@brightquay.example",
    "postal_address": "Brightquay GmbH, Speicherweg 14, 20099 Hamburg, Germany",
    "time_zone": "Europe/Berlin",
    "site_url": SITE,
    "booking_url": f"{SITE}/book",
    "docs_url": "https://docs.brightquay.example",
    "pricing_url": f"{SITE}/pricing",
    "app_url": "https://app.brightquay.example",
}


@dataclass(frozen=True)
class Plan:
    """`price` in euros a month."""

    name: str
    price: int


STARTER, TEAM, SCALE = Plan("Starter", 79), Plan("Team", 290), Plan("Scale", 890)
ADD_ON = Plan("Archive add-on", 45)


@dataclass(frozen=True)
class Source:
    """Where people come from: what stands in the address of the page they land on, and who sent them.

    `interest` shifts how much they want; `share` is this source's part of all arrivals.
    """

    share: int
    query: str = ""
    referrer: str = ""
    landing: str = "/"
    interest: float = 0.0


SOURCES = (
    Source(26, referrer="https://www.google.com/", landing="/guides/approval-workflow"),
    Source(6, referrer="https://www.bing.com/", landing="/product"),
    Source(16, "utm_source=google&utm_medium=cpc&utm_campaign=workflow-search&gclid={id}", landing="/product"),
    Source(4, "utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid={id}", landing="/pricing", interest=0.12),
    Source(11, "utm_source=linkedin&utm_medium=paid&utm_campaign=ops-leaders&li_fat_id={id}", landing="/checklist"),
    Source(8, "utm_source=opsweekly&utm_medium=newsletter&utm_campaign=partner-issue", landing="/checklist"),
    Source(6, "utm_source=brightquay&utm_medium=webinar&utm_campaign=live-sessions", landing="/webinars"),
    Source(7, referrer="https://www.opsforum.example/t/tools", landing="/product", interest=0.08),
    Source(4, referrer="https://partners.northlane.example/", landing="/product", interest=0.1),
    Source(12, landing="/", interest=0.04),
)


@dataclass(frozen=True)
class Colleague:
    username: str
    first_name: str
    last_name: str
    role: str


REPS = (
    Colleague("priya", "Priya", "Raman", "sales"),
    Colleague("tom", "Tom", "Becker", "sales"),
    Colleague("elif", "Elif", "Kaya", "sales"),
)
MARKETER = Colleague("nora", "Nora", "Lindqvist", "marketer")
GERMAN_SPEAKING = {"field": "country", "op": "in", "value": ["Germany", "Austria", "Switzerland"]}


def found(*, now: datetime) -> str:
    """Set the product up for the company; the text of the key its website and product send with."""
    Workspace.load()
    Workspace.objects.update(**WORKSPACE)
    employ(MARKETER)
    priya, tom, elif_ = (employ(each) for each in REPS)
    give_leads("German-speaking countries", GERMAN_SPEAKING, [tom, elif_], position=0)
    give_leads("Everybody else", {}, [priya, elif_], position=1)
    sessions.announce(now=now)
    _, text = keys.issue(
        name="Website and product", scopes=[Scope.LEADS_READ, Scope.EVENTS_WRITE, Scope.TRACK_WRITE], now=now
    )
    return text


def employ(who: Colleague) -> User:
    """An account in the role's group, into which nobody can log in before the administrator sets a password."""
    user = User.objects.create_user(
        who.username,
        email=f"{who.username}@brightquay.example",
        first_name=who.first_name,
        last_name=who.last_name,
        is_staff=True,
    )
    user.groups.set(Group.objects.filter(name=who.role))
    return user


def give_leads(name: str, condition: Mapping[str, object], reps: list[User], *, position: int) -> None:
    rule = AssignmentRule.objects.create(name=name, condition=condition, position=position)
    rule.reps.set(reps)
