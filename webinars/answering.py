"""What the door tells somebody who registered. Pure.

Anybody can write anybody's address: the links show nothing of the person and give no way to cancel.
"""

from django.conf import settings

from lifecycle.core import tokens
from webinars import calendar_links, telling
from webinars.coming import ASKED, Came
from webinars.models import Webinar

NOBODY = Came("registered", None)
"""For a robot: it looks like an answer, and its links lead nowhere."""


def answer(webinar: Webinar, came: Came) -> dict[str, str]:
    has_seat, where = came.status == "registered", telling.public_url(webinar)
    number = came.registration.pk if came.registration else 0
    own = f"{settings.SITE_URL}/webinars/r/{tokens.registration_token(number, is_personal=False)}"
    return {
        "status": came.status,
        "webinar": webinar.code,
        "calendar_url": f"{own}/calendar.ics" if has_seat else "",
        "google_url": calendar_links.google(webinar, where=where) if has_seat else "",
        "outlook_url": calendar_links.outlook(webinar, where=where) if has_seat else "",
        "page_url": f"{where}?asked=1" if came.status == ASKED else own,
    }
