"""A webinar that is held on Zoom: everybody gets a link of their own, and a mail that fits whether they came."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django import Settings

from tests.cast import ADA, BEN, SAM, World, links
from tests.integrations import zoom as zoom_calls
from tests.integrations.zoom_server import ZoomServer
from tests.webinars.cast import STARTS, make_webinar
from tests.webinars.story import invitation, mail_of
from webinars.models import Registration

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]


@pytest.fixture
def zoom(settings: Settings) -> Iterator[ZoomServer]:
    made = ZoomServer()
    settings.ZOOM_ACCOUNT_ID, settings.ZOOM_CLIENT_ID, settings.ZOOM_CLIENT_SECRET = "account", "client", "secret"
    settings.ZOOM_API_URL, settings.ALLOW_PRIVATE_WEBHOOKS = made.url, True
    settings.ZOOM_WEBHOOK_SECRETS = [zoom_calls.SECRET]
    yield made
    made.close()


def hear(world: World, *bodies: dict) -> None:
    """Zoom tells us, now."""
    for body in bodies:
        assert zoom_calls.post(world.browser, body, at=world.now).status_code == 200


def follow_ups(world: World, lead) -> list[str]:
    return [subject for subject in world.subjects(lead) if subject.startswith(("Thank you for being", "We missed you"))]


def test_a_link_of_their_own_and_the_mail_that_fits(world: World, zoom: ZoomServer) -> None:
    webinar = make_webinar(zoom_id=str(zoom_calls.ZOOM_ID))
    ada, ben, sam = (world.submit("webinar", **who, webinar="WB001") for who in (ADA, BEN, SAM))
    world.run()
    world.run()
    assert set(zoom.registrants) == {"ada@acme.com", "ben@ode.example", "sam@gmail.com"}

    # The confirmation did not wait for Zoom: its link, also in the calendar, is one of ours that leads there by now.
    confirmation = mail_of(world, ada, "You are in")
    (way,) = [url for url in links(confirmation) if url.endswith("/join")]
    assert invitation(confirmation)[1]["LOCATION"] == way
    assert world.follow(way)["Location"] == Registration.objects.get(lead=ada).join_url

    world.set_clock(STARTS - timedelta(days=1))
    world.run()
    own = Registration.objects.get(lead=ada).join_url
    (reminder,) = [mail for mail in world.mails_to(ada) if mail.subject.startswith("Tomorrow")]
    assert own.startswith("https://zoom.us/w/")
    assert own in links(reminder)

    world.set_clock(STARTS + timedelta(minutes=45))
    registrant_id = Registration.objects.get(lead=ada).zoom_registrant_id
    of_ada = {"registrant_id": registrant_id, "email": ""}
    hear(
        world,
        zoom_calls.left(STARTS + timedelta(minutes=40), **of_ada),
        zoom_calls.ended(STARTS + timedelta(minutes=45)),
        zoom_calls.joined(STARTS, **of_ada),
    )
    world.run()
    assert follow_ups(world, ada) == []

    world.later(minutes=16)
    world.run()
    assert follow_ups(world, ada) == [f"Thank you for being there: {webinar.title}"]
    assert follow_ups(world, ben) == follow_ups(world, sam) == []

    # What Zoom tells late: Ben was there. Sam was not.
    world.later(minutes=20)
    hear(world, zoom_calls.joined(STARTS, email=ben.email, user_id="7"))
    hear(world, zoom_calls.left(STARTS + timedelta(minutes=30), email=ben.email, user_id="7"))
    world.run()
    world.later(hours=2)
    world.run()
    assert follow_ups(world, ben) == [f"Thank you for being there: {webinar.title}"]
    assert follow_ups(world, sam) == [f"We missed you: {webinar.title}"]
    assert follow_ups(world, ada) == [f"Thank you for being there: {webinar.title}"]
