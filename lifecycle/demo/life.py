"""What people do: find us, look around, write, read our mails and follow them, or not. Pure: acts with their times.

Nothing here knows a score or a stage. Those who want it more do more, and what comes of that is the product's to see.
"""

from datetime import datetime, timedelta
from typing import Any

from lifecycle.demo import buying
from lifecycle.demo.acts import Decide, Follow, Look, Mail, OptOut, Planned, Report, Submit, Tell
from lifecycle.demo.company import SITE
from lifecycle.demo.doors import APPLE_PROXY, BROWSERS, QUIET_SCANNER, SCANNER
from lifecycle.demo.people import Inbox, Person, pick

# What leads people back: what stands behind the page's address, and who sent them.
BACK_AGAIN = (
    ("?utm_source=linkedin&utm_medium=paid&utm_campaign=seen-before", "https://www.linkedin.com/"),
    ("?utm_source=google&utm_medium=cpc&utm_campaign=brand", "https://www.google.com/"),
    ("", "https://www.google.com/"),
)
SHARE_REMEMBERED = 0.35  # of first visits: the others refused the cookie or came with another browser
MESSAGES = (
    "We copy orders from mails into two systems. Can this stop?",
    "How long does it take until the first process runs?",
    "We need approvals with a second pair of eyes.",
    "Does it work with our ERP?",
    "",
)


def arrive(person: Person) -> list[Planned]:
    """The first visit with its form, and how often the person comes back by themselves."""
    random, at = person.random, person.at_work(person.arrives)
    planned = _first_looks(person, at)
    planned.append((at, send(person, _first_form(person))))
    moment = at
    for _ in range(_returns(person)):
        moment = person.at_work(moment + timedelta(days=random.expovariate(1 / 6)) + timedelta(hours=1))
        planned += visit(person, moment)
    if person.may(0.9 * person.drive):
        later = person.at_work(at + timedelta(days=random.uniform(1, 16)))
        planned.append((later, Decide(write_again)))
    return planned


def _first_looks(person: Person, at: datetime) -> list[Planned]:
    if not person.may(SHARE_REMEMBERED):
        return []
    person.done.add("looked")
    before = at - timedelta(minutes=person.random.uniform(2, 14))
    looks: list[Planned] = [(before, Look(landing_page(person), person.source.referrer))]
    if person.may(0.2 + 0.5 * person.interest):
        looks.append((before + timedelta(seconds=70), Look(f"{SITE}/pricing", SITE + person.source.landing)))
    return looks


def landing_page(person: Person) -> str:
    """Where the person's source led them, with what the advertisement put behind it."""
    query = person.source.query.format(id=f"Cj0K{person.number:06d}BwE")
    return f"{SITE}{person.source.landing}{'?' if query else ''}{query}"


def _first_form(person: Person) -> str:
    forms = [
        ("newsletter", 26 * (1.2 - person.interest)),
        ("checklist", 25.0),
        ("webinar", 15.0),
        ("api-docs", 26.0 if person.is_technical else 3.0),
        ("contact", 10 + 34 * person.drive),
        ("demo-request", 2 + 46 * person.drive),
    ]
    return pick(person.random, forms)


def _returns(person: Person) -> int:
    expected = 0.12 + 6.5 * person.interest**1.5
    returns = 0
    while returns < 12 and person.may(expected / (1 + expected)):
        returns += 1
    return returns


def send(person: Person, form: str) -> Submit:
    """The form with its answers, and what the website adds: where the person came from, zone and country."""
    source, answers = person.source, answers_to(person, form)
    answers["page_url"] = landing_page(person)
    answers["referrer"] = source.referrer
    answers |= {"country": person.country.name, "timezone": person.country.zone}
    if "looked" in person.done:
        answers["anonymous_id"] = anonymous_id(person)
    return Submit(form, answers)


def anonymous_id(person: Person) -> str:
    return f"browser-{person.number:05d}"


def answers_to(person: Person, form: str) -> dict[str, Any]:
    """What the person fills in: all of a form that asks for a talk, less of the others."""
    answers: dict[str, Any] = {"email": person.email}
    employer = person.employer
    if form != "newsletter" or person.may(0.5):
        answers["first_name"] = person.first_name
    if form in ("webinar", "contact", "demo-request"):
        answers["last_name"] = person.last_name
        answers["company"] = employer.name if employer else ""
    if form in ("checklist", "contact", "demo-request"):
        answers["job_title"] = person.job_title
    if form in ("webinar", "demo-request"):
        answers["organization_type"] = employer.sort if employer else "Student" if person.suits < 0.1 else "Freelancer"
    if form in ("contact", "demo-request"):
        answers["company_size"] = str(employer.size) if employer else ""
        answers["message"] = person.random.choice(MESSAGES)
    if form == "checklist" and employer and person.may(0.5):  # the second page of the download asks
        answers |= {"company": employer.name, "company_size": str(employer.size)}
    return answers


def visit(person: Person, at: datetime) -> list[Planned]:
    """A known person looks around on the website."""
    page = person.random.choice(["/product", "/customers", "/guides/approval-workflow", "/about", "/integrations"])
    acts: list[Planned] = []
    moment = at
    wants = person.interest
    for kind, chance, url in (
        ("pricing.viewed", 0.12 + 0.6 * wants, f"{SITE}/pricing"),
        ("demo.watched", 0.03 + 0.22 * wants, f"{SITE}/demo-video"),
        ("docs.downloaded", (0.2 if person.is_technical else 0.01) + 0.1 * wants, f"{SITE}/api.pdf"),
    ):
        if kind not in person.done and person.may(chance):
            acts.append((moment, Tell(kind, {"url": url})))
            moment += timedelta(seconds=person.random.uniform(30, 240))
            if kind != "pricing.viewed":
                person.done.add(kind)
    if not acts:
        acts.append((moment, look(person, SITE + page)))
    if person.may(0.3 * person.drive):
        acts.append((moment, Decide(buying.check_out)))
    return acts


def look(person: Person, url: str) -> Look | Tell:
    """A known person's view: by the browser if it is remembered, else as the website's server tells it.

    Some come back by another campaign than the first: those who saw us once see our advertisements again.
    """
    by, referrer = "", ""
    if person.may(0.22):
        by, referrer = person.random.choice(BACK_AGAIN)
    return Look(url + by, referrer) if "looked" in person.done else Tell("page.viewed", {"url": url + by})


def write_again(person: Person, now: datetime) -> list[Planned]:
    """Somebody who wants it asks for a talk, and mostly picks a time on the page that follows."""
    if person.has_met or person.has_bought:
        return []
    form = "demo-request" if person.may(0.6) else "contact"
    acts: list[Planned] = [(now, send(person, form))]
    if form == "demo-request" and person.may(0.35 + 0.4 * person.interest):
        acts += buying.book(person, now + timedelta(minutes=2))
    return acts


def read(person: Person, mail: Mail) -> list[Planned]:
    """What happens to a mail: machines at once, people after minutes or hours, if at all."""
    if person.inbox is Inbox.DEAD:
        return [(mail.at + timedelta(minutes=2), Report(mail.key, "bounced"))]
    acts = _by_machines(person, mail)
    if person.has_opted_out or not person.may(0.14 + 0.5 * person.interest):
        return acts
    at = person.at_work(mail.at + timedelta(minutes=person.random.lognormvariate(4.1, 1.3)))
    browser = person.random.choice(BROWSERS)
    if person.inbox in (Inbox.PLAIN, Inbox.SCANNED):
        acts.append((at, Follow(mail.picture, browser)))
    if mail.way_out and person.may(0.011 * (1.3 - person.interest)):
        return [*acts, (at + timedelta(seconds=15), OptOut(mail.way_out))]
    if person.may(0.0005):
        return [*acts, (at + timedelta(seconds=20), Report(mail.key, "complained"))]
    if mail.links and person.may(0.02 + 0.38 * person.interest):
        link = mail.links[0] if person.may(0.85) else person.random.choice(mail.links)
        acts.append((at + timedelta(seconds=person.random.uniform(15, 150)), Follow(link, browser)))
    return acts


def _by_machines(person: Person, mail: Mail) -> list[Planned]:
    if person.inbox is Inbox.APPLE:
        at = mail.at + timedelta(seconds=person.random.uniform(5, 900))
        return [(at, Follow(mail.picture, APPLE_PROXY))]
    if person.inbox is Inbox.SCANNED:
        scanner = SCANNER if person.number % 2 else QUIET_SCANNER
        return [
            (mail.at + timedelta(milliseconds=300 + 200 * number), Follow(link, scanner))
            for number, link in enumerate(mail.links[:2])
        ]
    return []


def landed(person: Person, url: str, now: datetime) -> list[Planned]:
    """What a person does where a mail's link led."""
    soon = now + timedelta(seconds=person.random.uniform(20, 90))
    if "/pricing" in url:
        acts: list[Planned] = [(soon, Tell("pricing.viewed", {"url": url}))]
        return [*acts, (soon, Decide(buying.check_out))] if person.may(0.35 * person.drive) else acts
    if "/book" in url:
        return buying.book(person, soon) if person.may(0.04 + 0.5 * person.drive) else [(soon, _seen(url))]
    if "://app." in url and person.may(0.1 + 0.5 * person.drive):
        return [(soon, Decide(buying.try_it))]
    if "://docs." in url and person.is_technical and person.may(0.3) and "docs.downloaded" not in person.done:
        person.done.add("docs.downloaded")
        return [(soon, Tell("docs.downloaded", {"url": url}))]
    if person.may(0.25 + 0.4 * person.interest):
        return visit(person, soon)
    return [(soon, _seen(url))]


def _seen(url: str) -> Tell:
    return Tell("page.viewed", {"url": url})


def called(person: Person, now: datetime, *, rep: str) -> list[Planned]:
    """A rep rings somebody who looked ready, and writes down what came of it."""
    if person.has_opted_out and person.may(0.5):
        return []
    outcome = "reached" if person.may(0.55) else "left a message"
    acts: list[Planned] = [(now, Tell("call.logged", {"by": rep, "outcome": outcome}))]
    if outcome == "reached" and not (person.has_met or person.has_bought) and person.may(0.08 + 0.6 * person.drive):
        acts += buying.book(person, now + timedelta(minutes=6))
    return acts
