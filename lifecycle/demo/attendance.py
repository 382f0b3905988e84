"""Who sat in Brightquay's webinars, as the report says that its marketer takes in afterwards."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from lifecycle.demo.people import Person
from webinars import attending
from webinars.attending import Stay
from webinars.models import Registration, Webinar


def take(people: Mapping[int, Person], *, now: datetime) -> None:
    """Take in the report of each webinar that is over and has none; the product tells who attended and who missed."""
    for webinar in Webinar.objects.filter(over_at=None, starts_at__lt=now - timedelta(hours=1)):
        registered = Registration.objects.filter(webinar=webinar, state="registered", lead__in=people)
        stays = [_stay(each, webinar, people[each.lead_id]) for each in registered.order_by("pk")]
        attending.note([stay for stay in stays if stay])
        attending.end(webinar.pk, at=webinar.ends_at)


def _stay(registration: Registration, webinar: Webinar, person: Person) -> Stay | None:
    """Who wants it more comes more often, and stays for longer."""
    if not person.may(0.25 + 0.5 * person.interest):
        return None
    minutes = webinar.minutes * min(1.0, person.random.uniform(0.3, 1.4))
    left = webinar.starts_at + timedelta(minutes=minutes)
    return Stay(registration.pk, f"report:{person.number}", "csv", joined_at=webinar.starts_at, left_at=left)
