"""The pages of webinars, as visitors, registrants and colleagues meet them, with and without scripts."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.test import Client

from leads import pipeline
from leads.actions import erase
from leads.models import Form, Lead, Workspace
from lifecycle.api.limited import COUNTER
from lifecycle.core import tokens
from tests import staff
from tests.cast import FIREFOX
from tests.factories import NOON, LeadFactory
from tests.webinars.cast import STARTS, come, events, make_webinar
from webinars import moving, telling
from webinars.models import Registration, Webinar
from webinars.registering import cancel

pytestmark = pytest.mark.django_db
BROWSER = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    COUNTER.clear()
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller
    COUNTER.clear()


@pytest.fixture(autouse=True)
def form() -> Form:
    fields = [
        {"name": "email", "label": "E-mail", "type": "email", "required": True},
        {"name": "organization_type", "label": "Kind", "type": "select", "options": ["YMCA", "Agency"]},
    ]
    return Form.objects.create(slug="webinar", name="Webinar", fields=fields)


def shown(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.status_code
    return unescape(answer.content.decode())


def own(registration: Registration, *, personal: bool = True) -> str:
    return f"/webinars/r/{tokens.registration_token(registration.pk, is_personal=personal)}"


def test_a_visitor_sees_what_it_is_and_registers(client: Client) -> None:
    make_webinar(speakers=["Ada Park"], description="First.\n\nSecond.", join_url="https://meet.example.com/secret")
    page = shown(client, "/webinars/WB001?utm_source=mail")
    for words in ("Onboarding that sticks", "Tuesday, 10 March 2026, 16:00–16:45 CET", "Ada Park", "<p>Second.</p>"):
        assert words in page
    assert "meet.example.com" not in page
    assert 'data-countdown="2026-03-10T15:00:00+00:00"' in page
    answer = client.post("/webinars/WB001", {"email": "ada@acme.com", "organization_type": "YMCA"}, **BROWSER)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/webinars/r/")
    thanks = shown(client, answer.headers["Location"])
    assert "You have a seat" in thanks
    assert "calendar.google.com" in thanks
    assert "outlook.live.com" in thanks
    assert "calendar.ics" in thanks
    registration = Registration.objects.get()
    assert (registration.source, registration.organization_type) == ("page", "YMCA")


def test_a_mistake_shows_on_the_webinars_own_page_and_nothing_is_lost(client: Client) -> None:
    make_webinar()
    answer = client.post("/webinars/WB001", {"email": "ada@", "organization_type": "Agency"}, **BROWSER)
    page = unescape(answer.content.decode())
    assert answer.status_code == 400
    assert "Onboarding that sticks" in page
    assert 'value="ada@"' in page
    assert 'action="/webinars/WB001"' in page


def test_a_post_that_comes_too_late_says_so_on_the_page(client: Client, clock: time_machine.Traveller) -> None:
    make_webinar()
    clock.move_to(STARTS + timedelta(hours=1))
    answer = client.post("/webinars/WB001", {"email": "ada@acme.com"}, **BROWSER)
    assert answer.status_code == 409
    assert "It is over" in unescape(answer.content.decode())
    assert not Lead.objects.exists()


def test_the_form_of_a_webinar_that_takes_nobody_says_so_instead_of_asking(client: Client) -> None:
    webinar = make_webinar()
    assert 'name="email"' in shown(client, "/forms/webinar?webinar=wb001")
    Webinar.objects.filter(pk=webinar.pk).update(starts_at=STARTS - timedelta(days=90))
    for code, why in (("wb001", "WB001 is over."), ("WB999", "There is no webinar WB999."), ("%00", "There is no")):
        answer = client.get(f"/forms/webinar?webinar={code}")
        assert answer.status_code == 404
        page = answer.content.decode()
        assert why in page
        assert 'name="email"' not in page


def test_a_full_webinar_says_so_before_and_after(client: Client) -> None:
    come(make_webinar(capacity=1))
    assert "All seats are taken" in shown(client, "/webinars/WB001")
    answer = client.post("/webinars/WB001", {"email": "late@acme.com"}, **BROWSER)
    assert "You are on the waiting list" in shown(client, answer.headers["Location"])


def test_nothing_runs_in_the_page_and_search_engines_read_the_event(client: Client) -> None:
    make_webinar(title="</script><script>alert(1)</script>", speakers=["<b>Eve</b>"])
    answer = client.get("/webinars/WB001")
    raw = answer.content.decode()
    assert "<script>alert" not in raw
    assert not re.search(r"<script(?![^>]*(src=|ld\+json))", raw)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    event = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', raw)[1])  # type: ignore[index]
    assert (event["@type"], event["startDate"]) == ("Event", "2026-03-10T15:00:00+00:00")


@pytest.mark.parametrize(
    ("minutes", "offered"), [(-16, False), (-15, True), (0, True), (44, True), (45, False)], ids=str
)
def test_the_room_opens_a_quarter_of_an_hour_before(
    client: Client, clock: time_machine.Traveller, minutes: int, offered: bool
) -> None:
    registration = come(make_webinar())
    clock.move_to(STARTS + timedelta(minutes=minutes))
    assert ("https://meet.example.com/j/123" in shown(client, own(registration))) is offered


def test_a_link_that_came_by_no_mail_shows_nothing_of_the_person(client: Client, clock: time_machine.Traveller) -> None:
    webinar = make_webinar(survey_url="https://s.example/?e={email}&p={phone}")
    registration = come(webinar, LeadFactory(ada=True, phone="+49 30 5550"))
    Registration.objects.filter(pk=registration.pk).update(join_url="https://zoom.example.com/w/own")
    clock.move_to(STARTS)
    by_mail, by_page = shown(client, own(registration)), shown(client, own(registration, personal=False))
    assert "https://zoom.example.com/w/own" in by_mail
    assert "https://s.example/?e=ada%40acme.com&p=%2B49%2030%205550" in by_mail
    for secret in ("zoom.example.com", "5550", "ada", "/cancel"):
        assert secret not in by_page
    assert client.post(own(registration, personal=False) + "/cancel").status_code == 403


def test_giving_the_seat_back_takes_a_press_of_a_button(client: Client) -> None:
    webinar = make_webinar(capacity=1)
    registration, waits = come(webinar), come(webinar)
    assert own(registration) + "/cancel" in shown(client, own(registration))
    assert "Give up my seat" in shown(client, own(registration) + "/cancel")
    registration.refresh_from_db()
    assert registration.state == "registered"
    answer = client.post(own(registration) + "/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (303, own(registration))
    assert "Your seat was given back" in shown(client, own(registration))
    waits.refresh_from_db()
    assert waits.state == "registered"
    assert client.post(own(registration) + "/cancel").status_code == 303


@pytest.mark.parametrize("is_off", [True, False])
def test_nobody_gives_up_a_seat_of_what_is_over_or_off(
    client: Client, clock: time_machine.Traveller, is_off: bool
) -> None:
    registration = come(make_webinar())
    if is_off:
        moving.cancel(registration.webinar_id, now=NOON)
    else:
        clock.move_to(STARTS + timedelta(hours=2))
    for ask in (client.get, client.post):
        answer = ask(own(registration) + "/cancel")
        assert (answer.status_code, answer.headers["Location"]) == (303, own(registration))
    registration.refresh_from_db()
    assert registration.state == "registered"


def test_links_of_nobody_and_forged_ones_lead_nowhere(client: Client) -> None:
    registration = come(make_webinar())
    token = tokens.registration_token(registration.pk, is_personal=True)
    forged = ("A" if token[0] != "A" else "B") + token[1:]
    for path in (f"/webinars/r/{forged}", f"/webinars/r/{forged}/cancel", f"/webinars/r/{forged}/calendar.ics"):
        shown(client, path, 404)
    erase(registration.lead, now=NOON)
    shown(client, own(registration), 404)


def test_afterwards_there_is_the_recording_and_a_canceled_one_says_so(
    client: Client, clock: time_machine.Traveller
) -> None:
    webinar, other = make_webinar(), make_webinar()
    registration = come(webinar)
    moving.cancel(other.pk, now=NOON)
    assert "This webinar was canceled" in shown(client, "/webinars/WB002")
    clock.move_to(STARTS + timedelta(hours=2))
    assert "It is over" in shown(client, "/webinars/WB001")
    moving.publish(webinar.pk, "https://video.example/1", now=STARTS + timedelta(hours=2))
    for path in ("/webinars/WB001", own(registration)):
        assert 'href="https://video.example/1"' in shown(client, path)


@pytest.mark.parametrize(
    ("recording", "plays", "policy"),
    [
        (
            "https://youtu.be/dQw4w9WgXcQ",
            '<iframe src="https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ?rel=0"',
            "frame-src https://www.youtube-nocookie.com;",
        ),
        (
            "https://vimeo.com/76979871/8272103f6e",
            '<iframe src="https://player.vimeo.com/video/76979871?h=8272103f6e&dnt=1"',
            "frame-src https://player.vimeo.com;",
        ),
        (
            "https://cdn.example.com/1.mp4",
            '<source src="https://cdn.example.com/1.mp4" type="video/mp4">',
            "media-src https://cdn.example.com;",
        ),
        ("https://us02web.zoom.us/rec/share/abc", "", ""),
        ('https://youtu.be/x"><script>alert(1)</script>', "", ""),
    ],
    ids=["youtube", "vimeo", "film", "zoom", "hostile"],
)
def test_the_recording_plays_on_the_page_and_the_policy_lets_in_only_its_player(
    client: Client, clock: time_machine.Traveller, recording: str, plays: str, policy: str
) -> None:
    webinar = make_webinar()
    registration = come(webinar)
    assert "frame-src" not in client.get("/webinars/WB001").headers["Content-Security-Policy"]
    Webinar.objects.update(recording_url=recording)
    clock.move_to(webinar.ends_at)
    for path in ("/webinars/WB001", own(registration)):
        answer = client.get(path)
        page, header = answer.content.decode(), answer.headers["Content-Security-Policy"] + ";"
        assert ("<iframe" in page or "<video" in page) is bool(plays)
        assert plays in unescape(page)
        assert policy in header
        assert ("frame-src" in header or "media-src" in header) is bool(plays)
        assert "<script>alert" not in page
        assert f'href="{recording}"' in unescape(page)


def test_without_a_script_the_page_says_how_long_it_is_and_when_in_other_words(client: Client) -> None:
    registration = come(make_webinar(), LeadFactory(timezone="America/New_York"))
    public, by_mail = shown(client, "/webinars/WB001"), shown(client, own(registration))
    assert '<noscript><p class="until">It begins in 8 days and 3 hours.</p></noscript>' in public
    assert '<noscript><span class="yours">Tuesday, 10 March, 15:00–15:45 (UTC)</span></noscript>' in public
    assert ">Your time: Tuesday, 10 March, 11:00–11:45 (America/New York)</span>" in by_mail
    assert "America" not in shown(client, own(registration, personal=False))


def test_a_draft_is_for_colleagues(client: Client) -> None:
    make_webinar(state="draft")
    shown(client, "/webinars/WB001", 404)
    assert "Only colleagues see this page" in shown(staff.colleague("marketer"), "/webinars/WB001")
    shown(staff.colleague("outsider"), "/webinars/WB001", 404)


def test_the_list_shows_what_is_coming_and_recordings(client: Client, django_assert_num_queries: Any) -> None:
    make_webinar(title="Soon", speakers=["Ada Park"]), make_webinar(title="Hidden", state="draft")
    make_webinar(title="Past", starts_at=NOON - timedelta(days=3), recording_url="https://video.example/1")
    make_webinar(title="Unrecorded", starts_at=NOON - timedelta(days=3))
    Workspace.load()
    with django_assert_num_queries(5):
        page = shown(client, "/webinars/")
    assert "Soon" in page
    assert "Past" in page
    assert "Hidden" not in page
    assert "Unrecorded" not in page


def test_the_address_may_be_written_small_and_with_a_slash(client: Client) -> None:
    webinar = make_webinar()
    for written in ("/webinars/WB001/", "/webinars/wb001/"):
        moved = client.get(f"{written}?utm_source=mail")
        assert (moved.status_code, moved.headers["Location"]) == (301, f"{written[:-1]}?utm_source=mail")
    assert "Onboarding that sticks" in unescape(client.get("/webinars/wb001/", follow=True).content.decode())
    assert f'<link rel="canonical" href="{telling.public_url(webinar)}">' in shown(client, "/webinars/wb001")


def test_who_canceled_registers_again_by_the_page(client: Client) -> None:
    webinar = make_webinar()
    registration = come(webinar)
    cancel(registration.pk, now=NOON)
    answer = client.post("/webinars/WB001", {"email": registration.lead.email}, **BROWSER)
    assert "You have a seat" in shown(client, answer.headers["Location"])
    assert Webinar.objects.counted().get().seated == 1  # type: ignore[attr-defined]


# --- the link to join that a mail brings before Zoom has named their own


def way(registration: Registration, *, personal: bool = True) -> str:
    return f"{own(registration, personal=personal)}/join"


def test_our_link_to_join_leads_to_their_own_as_soon_as_there_is_one(client: Client) -> None:
    registration = come(make_webinar(zoom_id="93300000008"))
    [said] = events("webinar.registered")
    assert said.properties["join_url"] == f"{telling.own_url(registration)}/join"
    assert client.get(way(registration)).headers["Location"] == "https://meet.example.com/j/123"
    Registration.objects.update(join_url="https://zoom.us/w/1?tk=ada")
    answer = client.get(way(registration))
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://zoom.us/w/1?tk=ada")
    assert (answer.headers["Referrer-Policy"], "no-store" in answer.headers["Cache-Control"]) == ("no-referrer", True)


@pytest.mark.parametrize("lack", ["link", "seat", "session", "time", "mail"])
def test_where_nobody_can_join_the_page_says_why(client: Client, clock: time_machine.Traveller, lack: str) -> None:
    webinar = make_webinar(zoom_id="93300000008", **({"join_url": ""} if lack == "link" else {}))
    registration = come(webinar)
    if lack == "seat":
        cancel(registration.pk, now=NOON)
    if lack == "session":
        moving.cancel(webinar.pk, now=NOON)
    if lack == "time":
        clock.move_to(webinar.ends_at)
    is_personal = lack != "mail"
    answer = client.get(way(registration, personal=is_personal))
    assert (answer.status_code, answer.headers["Location"]) == (302, own(registration, personal=is_personal))
    assert not events("webinar.join_clicked")


def test_a_forged_link_to_join_leads_nowhere(client: Client) -> None:
    shown(client, "/webinars/r/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/join", 404)


def test_a_person_who_comes_to_join_is_told_from_a_scanner(client: Client, clock: time_machine.Traveller) -> None:
    registration = come(make_webinar(zoom_id="93300000008"))
    clock.move_to(NOON + timedelta(minutes=1))
    client.get(way(registration), headers={"user-agent": FIREFOX})  # a scanner that poses as a browser
    clock.move_to(STARTS)
    client.head(way(registration), headers={"user-agent": FIREFOX})
    assert [event.properties["human"] for event in events("webinar.join_clicked")] == [False]
    assert client.post(way(registration)).status_code == 405
    for _ in range(2):
        client.get(way(registration), headers={"user-agent": FIREFOX})
    assert [event.properties["human"] for event in events("webinar.join_clicked")] == [False, True]
    pipeline.drain(now=STARTS)
    assert Lead.objects.get(pk=registration.lead_id).last_human_act_at == STARTS
