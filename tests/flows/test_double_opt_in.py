"""Double opt-in: nothing starts before the person's own click, and the click counts once."""

import re
from datetime import timedelta
from typing import Any

import pytest

from campaigns.models import Enrollment, Message, Suppression
from leads.actions import erase
from leads.models import Confirmation, Consent, Event, Form, Lead, Magnet, Segment, Submission, Touch, Visitor
from tests.campaigns.sequences import live, template
from tests.cast import ADA, World, kinds, links, path_of
from tests.factories import NOON, FormFactory, LeadFactory, SegmentFactory, VisitorFactory

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

CONFIRM = "Please confirm your address"
AGREED = "A letter a month from Your Company."


@pytest.fixture(autouse=True)
def news(db: None) -> Form:
    return FormFactory(
        slug="news",
        name="The letter",
        double_opt_in=True,
        consent_text="A letter a month from {{ workspace.name }}.",
        fields=[
            {"name": "email", "label": "Email", "type": "email", "required": True},
            {"name": "first_name", "label": "First name"},
            {"name": "likes", "label": "Likes"},
        ],
        thank_you={"title": "Welcome", "body": "The letter is yours.", "next_steps": []},
    )


def ask(world: World, form: str = "news", **answers: Any) -> Lead:
    lead = world.submit(form, **{"email": "ada@acme.com", "first_name": "Ada", "likes": "maps", **answers})
    world.run()
    return lead


def link(world: World, lead: Lead, number: int = -1) -> str:
    mails = [mail for mail in world.mails_to(lead) if mail.subject == CONFIRM]
    return next(path_of(url) for url in links(mails[number]) if "/confirm/" in url)


def press(world: World, path: str) -> Any:
    answer = world.browser.post(path)
    world.run()
    return answer


def submitted(lead: Lead) -> int:
    return Event.objects.filter(lead=lead, kind="form.submitted").count()


def test_before_the_click_there_is_an_address_and_a_question(world: World) -> None:
    lead = ask(world, utm_source="google", company="Acme", job_title="CEO")
    assert world.subjects(lead) == [CONFIRM]
    assert kinds(lead) == ["form.confirmation_requested", "email.sent"]
    assert (lead.first_name, lead.company_name, lead.form_source, lead.stage, lead.score) == ("", "", "", "cold", 0)
    assert lead.last_human_act_at is None
    assert not Touch.objects.exists()
    assert not Consent.objects.exists()
    assert set(Enrollment.objects.values_list("sequence__slug", flat=True)) == {"double-opt-in"}
    world.at(days=40)
    assert world.subjects(lead) == [CONFIRM], "nobody is nurtured who did not confirm"
    assert not Segment.objects.filter(slug="cold-leads", members__lead=lead).exists()


def test_an_address_that_nobody_confirmed_gets_no_marketing_whoever_asks_for_it(world: World) -> None:
    """A segment of everybody holds it too; what it feeds is mailed from the click on, and to who is known otherwise."""
    SegmentFactory(slug="all-cold", rule={"field": "stage", "op": "eq", "value": "cold"})
    mail = template("letter", subject="The letter", **{"class": "marketing"})
    steps = [{"id": "one", "send": "letter"}, {"id": "w", "wait": "1d"}, {"id": "two", "send": "letter"}]
    live("letters", entry={"triggers": [{"segment": "all-cold"}]}, steps=steps, templates=[mail])
    lead = ask(world)
    assert world.subjects(lead) == [CONFIRM]
    refused = Message.objects.get(step_key="one")
    assert (refused.state, refused.reason) == ("suppressed", "suppression: the address was never confirmed")
    press(world, link(world, lead))
    world.at(days=2)
    assert "The letter" in world.subjects(lead)
    known = LeadFactory(email="grace@acme.com", created_at=NOON - timedelta(days=1))
    ask(world, email="grace@acme.com")
    assert "The letter" in world.subjects(known)


def test_the_mail_greets_and_says_what_was_filled_in(world: World) -> None:
    lead = ask(world, first_name="Ada <b>")
    mail = world.mails_to(lead)[0]
    assert "Hi Ada &lt;b&gt;," in mail.html
    assert "The letter" in mail.html
    assert "List-Unsubscribe" not in mail.message
    assert "/c/" not in link(world, lead)


def test_the_click_does_what_an_ordinary_post_does(world: World) -> None:
    lead = ask(world, utm_source="google", company="Acme", job_title="CEO")
    asked_at = world.now
    world.later(hours=3)
    path = link(world, lead)
    shown = world.browser.get(path)
    assert "Was this you?" in shown.content.decode()
    assert submitted(lead) == 0, "looking changes nothing: scanners look"
    answer = press(world, path)
    assert (answer.status_code, answer["Location"]) == (303, path)
    assert "Welcome" in world.browser.get(path).content.decode()
    lead.refresh_from_db()
    assert (lead.first_name, lead.company_name, lead.role, lead.form_source) == ("Ada", "Acme", "executive", "news")
    assert lead.attributes == {"likes": "maps"}
    touch = lead.original_touch
    assert touch is not None
    assert (touch.source, touch.occurred_at) == ("google", asked_at)
    assert Submission.objects.get().touch == touch
    event = Event.objects.get(kind="form.submitted")
    assert event.properties["likes"] == "maps"
    assert event.properties["form"] == "news"
    assert event.occurred_at == world.now
    consent = Consent.objects.get()
    assert (consent.granted, consent.source, consent.at) == (True, "form:news", world.now)
    assert consent.text.startswith(AGREED)
    assert "Shown 2026-03-02 12:00:00 UTC" in consent.text
    assert "2026-03-02 15:00:00 UTC" in consent.text


def test_again_is_the_same_page_and_nothing_more(world: World) -> None:
    lead = ask(world)
    path = link(world, lead)
    pages = [press(world, path) and world.browser.get(path) for _ in range(3)]
    world.later(days=30)
    pages.append(world.browser.get(path))
    assert {page.status_code for page in pages} == {200}
    assert len({page.content for page in pages}) == 1
    assert submitted(lead) == Touch.objects.count() == Consent.objects.count() == 1


def test_late_forged_and_erased_links_say_so(world: World) -> None:
    lead = ask(world)
    path = link(world, lead)
    world.later(days=7, seconds=1)
    for answer in (world.browser.get(path), press(world, path)):
        assert answer.status_code == 410
        assert "expired" in answer.content.decode()
        assert 'href="/forms/news"' in answer.content.decode()
    for forged in ("/confirm/x", path[:-1] + ("A" if path[-1] != "A" else "B"), "/confirm/" + "A" * 32):
        assert world.browser.get(forged).status_code == 404
        assert world.browser.post(forged).status_code == 404
    erase(lead, now=world.now)
    assert not Confirmation.objects.exists()
    for answer in (world.browser.get(path), press(world, path)):
        assert answer.status_code == 404
        assert "does not lead anywhere" in answer.content.decode()
    assert not Event.objects.filter(kind="form.submitted").exists()
    assert not Lead.objects.exists()


def test_at_the_last_moment_the_click_counts_as_it_says(world: World) -> None:
    lead = ask(world)
    path = link(world, lead)
    world.later(days=7)
    press(world, path)
    assert submitted(lead) == Confirmation.objects.exclude(confirmed_at=None).count() == 1


def test_a_form_that_was_closed_meanwhile_keeps_its_word(world: World) -> None:
    lead = ask(world)
    path = link(world, lead)
    Form.objects.filter(slug="news").update(is_active=False, fields=[], double_opt_in=False)
    assert press(world, path).status_code == 303
    assert "Welcome" in world.browser.get(path).content.decode()
    assert submitted(lead) == 1
    lead.refresh_from_db()
    assert lead.attributes == {"likes": "maps"}, "as it was understood when it was sent"


def test_an_address_gets_one_mail_a_day_however_often_it_is_written(world: World) -> None:
    FormFactory(slug="course", name="The course", double_opt_in=True)
    lead = ask(world)
    for number in range(5):
        world.later(minutes=10)
        ask(world, likes=f"more {number}")
        ask(world, "course", message=f"{number}")
    assert world.subjects(lead) == [CONFIRM]
    world.later(days=1)
    ask(world, likes="the next day")
    assert world.subjects(lead) == [CONFIRM] * 2


def test_one_click_confirms_all_posts_of_the_form_and_no_other(world: World) -> None:
    """Somebody else may have written the address into the other form; its own mail asks."""
    FormFactory(slug="course", name="The course", double_opt_in=True, consent_text="The course.")
    lead = ask(world, likes="first")
    world.later(minutes=5)
    ask(world, likes="second")
    ask(world, "course")
    press(world, link(world, lead))
    assert submitted(lead) == 2
    lead.refresh_from_db()
    assert lead.attributes["likes"] == "second"
    assert world.subjects(lead).count(CONFIRM) == 2, "the answer lets the mail of the other form go"
    assert "The course" in next(mail.html for mail in world.mails_to(lead)[::-1] if mail.subject == CONFIRM)
    assert Consent.objects.filter(source="form:course").count() == 0
    press(world, link(world, lead))
    assert submitted(lead) == 3
    assert Consent.objects.filter(source="form:course").count() == 1


def test_a_known_person_stays_as_they_are_until_they_confirm(world: World) -> None:
    known = world.submit("contact", **ADA)
    world.run()
    before = known.touches.count()
    VisitorFactory(anonymous_id="stranger")
    ask(world, first_name="Mallory", anonymous_id="stranger", utm_source="evil")
    known.refresh_from_db()
    assert (known.first_name, known.touches.count()) == ("Ada", before)
    assert not Visitor.objects.filter(lead=known).exists()
    press(world, link(world, known))
    known.refresh_from_db()
    assert (known.first_name, known.form_source, known.touches.count()) == ("Mallory", "contact", before + 1)
    assert known.original_touch.source != "evil"


def test_a_blocked_address_gets_no_mail(world: World) -> None:
    lead = LeadFactory(email="ada@acme.com")
    Suppression.objects.create(
        address_hash=lead.address_hash, scope="everything", reason="hard bounce", created_at=NOON
    )
    ask(world)
    assert world.subjects(lead) == []


def test_the_answer_tells_nobody_whether_the_address_is_known(world: World) -> None:
    def send(email: str) -> tuple[int, bytes]:
        answer = world.browser.post("/api/v1/forms/news/submissions", {"email": email}, content_type="application/json")
        return answer.status_code, answer.content.replace(email.encode(), b"")

    first = send("ada@acme.com")
    assert send("ada@acme.com") == first
    press(world, link(world, _after_run(world, "ada@acme.com")))
    assert send("ada@acme.com") == send("eve@acme.com") == first
    page = world.browser.get("/thanks/news/").content.decode()
    assert "check your inbox" in page


def _after_run(world: World, email: str) -> Lead:
    world.run()
    return Lead.objects.get(email_normal=email)


def test_the_file_comes_with_the_confirmation_and_not_before(world: World) -> None:
    magnet = Magnet.objects.create(slug="list", name="The list", file="magnets/list.pdf", created_at=NOON)
    Form.objects.filter(slug="news").update(magnet=magnet)
    answer = world.browser.post("/forms/news", {"email": "ada@acme.com"}, headers={"accept": "text/html"})
    assert answer["Location"].endswith("/thanks/news/")
    assert "/f/" not in world.browser.get("/thanks/news/").content.decode()
    lead = _after_run(world, "ada@acme.com")
    path = link(world, lead)
    press(world, path)
    assert re.search(r'href="/f/[^"]+">The list', world.browser.get(path).content.decode())
    assert "/f/" in Event.objects.get(kind="form.submitted").properties["magnet_url"]


def test_the_websites_own_page_comes_after_the_confirmation(world: World) -> None:
    Form.objects.filter(slug="news").update(thank_you_url="https://www.acme.com/thanks")
    sent = world.browser.post("/api/v1/forms/news/submissions", {"email": "ada@acme.com"})
    assert sent.json()["next"].endswith("/thanks/news/")
    lead = _after_run(world, "ada@acme.com")
    path = link(world, lead)
    press(world, path)
    assert world.browser.get(path)["Location"] == "https://www.acme.com/thanks"


def test_programs_cannot_make_our_mail_lead_elsewhere(world: World) -> None:
    lead = world.submit("contact", **ADA)
    body = {"kind": "form.confirmation_requested", "properties": {"confirm_url": "https://evil.example", "mail": True}}
    answer = world.program.post(f"/api/v1/leads/{lead.pk}/events", body, format="json")
    assert answer.status_code == 400
    world.run()
    assert CONFIRM not in world.subjects(lead)


def test_ordinary_forms_are_as_they_were(world: World) -> None:
    lead = world.submit("contact", **ADA)
    assert not Confirmation.objects.exists()
    assert submitted(lead) == 1
