"""What people and marketers do about webinars in a story, and what comes of it in mailboxes and calendars."""

import re
from datetime import datetime, timedelta

from icalendar import Calendar, Event

from leads.models import Lead
from tests.cast import World
from tests.smtp_server import ReceivedMail
from tests.webinars.cast import STARTS
from webinars import attending, moving
from webinars.models import Registration, Webinar
from webinars.moving import Slot

DAY_BEFORE, HOUR_BEFORE, TEN_BEFORE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=10)
REMINDERS = [f"{when}: Onboarding that sticks" for when in ("Tomorrow", "In an hour", "In ten minutes")]


# --- what people and marketers do


def by_api(world: World, webinar: Webinar, **person: str) -> Lead:
    """The company's own website posts it."""
    url = f"/api/v1/webinars/{webinar.code}/registrations"
    answer = world.browser.post(url, person, content_type="application/json")
    assert answer.status_code == 201, answer.content
    return Lead.objects.get(email_normal=person["email"].lower())


def by_page(world: World, webinar: Webinar, **person: str) -> Lead:
    """Somebody fills in the webinar's own page, in a minute."""
    url = f"/webinars/{webinar.code}"
    page = world.browser.get(url).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    world.later(minutes=1)
    answer = world.browser.post(url, {**hidden, **person}, headers={"accept": "text/html"})
    assert answer.status_code == 303, answer.content
    assert world.browser.get(answer["Location"]).status_code == 200
    return Lead.objects.get(email_normal=person["email"].lower())


def move(world: World, webinar: Webinar, starts_at: datetime) -> None:
    moving.move(webinar.pk, Slot(starts_at, webinar.minutes, webinar.time_zone), now=world.now)


def wait_until(world: World, moment: datetime) -> None:
    world.set_clock(moment)
    world.run()


def attend(registration: Registration, minutes: int) -> None:
    """As Zoom tells it: from the start on, for so long."""
    stay = attending.Stay(registration.pk, "one", "zoom", joined_at=STARTS, left_at=STARTS + timedelta(minutes=minutes))
    attending.note([stay])


# --- what came of it


def mail_of(world: World, lead: Lead, subject: str) -> ReceivedMail:
    (found,) = [mail for mail in world.mails_to(lead) if subject in mail.subject]
    return found


def told(world: World, lead: Lead) -> list[str]:
    """Subjects of the mails about webinars; the nurture of a lead goes on beside them."""
    return [subject for subject in world.subjects(lead) if subject.endswith(("Onboarding that sticks", "Scoring"))]


def reminders(world: World, lead: Lead) -> list[str]:
    return [subject for subject in world.subjects(lead) if subject.startswith(("Tomorrow", "In an hour", "In ten"))]


def invitation(mail: ReceivedMail) -> tuple[str, Event]:
    """The METHOD and the entry, as a mail program finds them: in the calendar part, and the same in the file."""
    (shown,) = [part for part in mail.message.walk() if part.get_content_type() == "text/calendar"]
    (file,) = mail.message.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("invite.ics", "application/ics")
    calendar = Calendar.from_ical(file.get_payload(decode=True))
    assert shown.get_content().split() == file.get_payload(decode=True).decode().split()
    assert shown.get_param("method") == calendar["METHOD"]
    (entry,) = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), entry


def has_no_invitation(mail: ReceivedMail) -> bool:
    return not list(mail.message.iter_attachments())
