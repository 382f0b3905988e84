"""Out with one click, at once, for good; and back only by one's own act."""

import pgtrigger
import pytest
from django.db import DatabaseError, connection

from campaigns.models import Suppression
from leads.models import Consent, Lead
from tests.cast import ADA, World, footer_link, messages, one_click, path_of, run_of

pytestmark = [pytest.mark.usefixtures("playbooks"), pytest.mark.django_db]

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def first_mail(world: World) -> tuple[Lead, str]:
    """Ada, and the path of the unsubscribe link in her first mail."""
    ada = world.submit("contact", **ADA)
    world.run()
    world.later(hours=1)
    return ada, path_of(one_click(world.mails_to(ada)[0]))


def test_looking_at_the_page_changes_nothing(world: World) -> None:
    ada, path = first_mail(world)
    page = world.browser.get(path)
    assert page.status_code == 200
    assert "a…@acme.com" in page.content.decode()
    assert ADA["email"] not in page.content.decode()
    assert world.browser.head(path).status_code == 200
    assert not Suppression.objects.exists()
    world.at(days=7)
    assert len(world.mails_to(ada)) == 2


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_one_click_stops_all_marketing_at_once_and_may_be_repeated(world: World, encoding: str) -> None:
    ada, path = first_mail(world)
    world.tell(ada, "docs.downloaded")
    world.tell(ada, "checkout.abandoned")
    for _ in range(2):
        if encoding == "form":
            body = "List-Unsubscribe=One-Click"
            answer = world.browser.post(path, body, content_type="application/x-www-form-urlencoded")
        else:
            answer = world.browser.post(path, ONE_CLICK)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert Suppression.objects.count() == 1
    for sequence in ("demo-nurture", "api-deep-dive", "cart-recovery"):
        assert run_of(ada, sequence).exit_reason == "unsubscribed"
    for day in (1, 3, 7, 14, 60):
        world.at(days=day)
    assert len(world.mails_to(ada)) == 1
    assert all(state in ("sent", "suppressed", "canceled") for _, state, _ in messages(ada))
    assert Consent.objects.get(granted=False).purpose == "marketing"


def test_a_forged_or_broken_token_is_not_found(world: World) -> None:
    _, path = first_mail(world)
    other = "A" if path[-1] != "A" else "B"
    for wrong in (path[:-1] + other, path[:-3], "/u/x", path + "AAAA"):
        assert world.browser.get(wrong).status_code == 404
        assert world.browser.post(wrong, ONE_CLICK).status_code == 404
    assert not Suppression.objects.exists()


def test_neither_forms_nor_imports_lift_it(world: World) -> None:
    _, path = first_mail(world)
    world.browser.post(path, ONE_CLICK)
    world.later(days=1)
    world.submit("newsletter", **ADA)
    world.submit("api-docs", **{**ADA, "email": "ADA@Acme.com"})
    body = {"email": ADA["email"], "first_name": "Ada", "attributes": {"plan": "pro"}}
    assert world.program.post("/api/v1/leads", body, format="json").status_code == 200
    for day in (2, 5, 9, 30):
        world.at(days=day)
    assert len(world.smtp.mails) == 1
    assert Suppression.objects.count() == 1


def test_what_somebody_bought_is_still_confirmed(world: World) -> None:
    ada, path = first_mail(world)
    world.browser.post(path, ONE_CLICK)
    world.later(days=1)
    world.tell(ada, "purchase.completed", product="Pro plan")
    for day in (2, 7, 17):
        world.at(days=day)
    assert world.subjects(ada)[1:] == ["Thank you. Here is what to do first"]
    assert "List-Unsubscribe" not in world.mails_to(ada)[1].message


def test_it_outlives_the_lead(world: World) -> None:
    ada, path = first_mail(world)
    world.browser.post(path, ONE_CLICK)
    with pgtrigger.ignore():
        ada.delete()
    assert world.browser.post(path, ONE_CLICK).status_code == 200
    again = world.submit("contact", **ADA)
    assert again.pk != ada.pk
    for day in (1, 8):
        world.at(days=day)
    assert len(world.smtp.mails) == 1
    assert {state for _, state, _ in messages(again)} <= {"suppressed", "canceled"}


def test_who_was_deleted_can_still_opt_out(world: World) -> None:
    ada, path = first_mail(world)
    with pgtrigger.ignore():
        ada.delete()
    assert world.browser.get(path).status_code == 200
    assert world.browser.post(path, ONE_CLICK).status_code == 200
    world.submit("contact", **ADA)
    world.at(days=1)
    assert len(world.smtp.mails) == 1


def preferences(world: World, ada: Lead) -> str:
    return path_of(footer_link(world.mails_to(ada)[0], "preferences"))


def test_by_topic_on_the_preference_page(world: World) -> None:
    """Ada wants no product tips any more; notes for developers still come."""
    ada, _ = first_mail(world)
    path = preferences(world, ada)
    page = world.browser.get(path).content.decode()
    assert ADA["email"] not in page
    assert page.count(" checked") == page.count('type="checkbox"') == 6
    answer = world.browser.post(path, {"topic": ["developer-notes", "newsletter"]})
    assert answer.status_code == 200
    assert answer.content.decode().count(" checked") == 2
    world.tell(ada, "docs.downloaded")
    world.run()
    assert world.subjects(ada)[1:] == ["Your first API request, in three commands"]
    world.at(days=7)
    assert ("mail-2", "suppressed", "suppression: opted out of the topic") in messages(ada)
    assert run_of(ada, "demo-nurture").state == "active"


def test_opting_out_of_a_topic_while_its_mail_waits_lets_the_sequence_go_on(world: World) -> None:
    """The mail that is put off is not sent, and the one after it is not held up by it for ever."""
    ada = world.submit("contact", **ADA)
    world.run()
    world.smtp.script(ada.email, rcpt="451 4.7.1 later", times=1)
    world.at(days=7)
    assert messages(ada)[1][:2] == ("mail-2", "ready")
    path = preferences(world, ada)
    topics = ["developer-notes", "newsletter"]
    world.browser.post(path, {"topic": topics})
    assert messages(ada)[1][1] == "suppressed"
    world.at(days=8)
    world.browser.post(path, {"topic": [*topics, "product-tips"]})
    world.at(days=16)
    assert [state for _, state, _ in messages(ada)] == ["sent", "suppressed", "sent"]


def test_nothing_ticked_is_an_opt_out_of_everything(world: World) -> None:
    ada, _ = first_mail(world)
    world.browser.post(preferences(world, ada), {"none": "1", "topic": "newsletter"})
    assert Suppression.objects.get().scope == "marketing"
    assert run_of(ada, "demo-nurture").exit_reason == "unsubscribed"


def test_a_persons_own_post_brings_mail_back_and_a_complaint_stays(world: World) -> None:
    ada, unsubscribe = first_mail(world)
    path = preferences(world, ada)
    world.browser.post(unsubscribe, ONE_CLICK)
    assert world.browser.get(path).content.decode().count(" checked") == 0
    assert world.browser.head(path).status_code == 200
    assert Suppression.objects.exists()
    world.browser.post(path, {"topic": ["developer-notes"]})
    world.tell(ada, "docs.downloaded")
    world.run()
    assert len(world.mails_to(ada)) == 2
    assert Consent.objects.filter(granted=True, source="preference page").exists()

    Suppression.objects.create(
        address_hash=ada.address_hash, scope="everything", reason="complaint", source="provider", created_at=world.now
    )
    world.browser.post(path, {"topic": ["developer-notes"]})
    world.tell(ada, "purchase.completed")
    world.at(days=3)
    assert len(world.mails_to(ada)) == 2


FULL_DISK = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space left'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON campaigns_suppression FOR EACH ROW EXECUTE FUNCTION full_disk();
"""


def test_a_change_of_topics_is_saved_whole_or_not_at_all(world: World) -> None:
    """Who was out of everything and wants only the newsletter gets, at no moment, anything else."""
    ada, unsubscribe = first_mail(world)
    path = preferences(world, ada)
    world.browser.post(unsubscribe, ONE_CLICK)
    with connection.cursor() as cursor:
        cursor.execute(FULL_DISK)
    with pytest.raises(DatabaseError, match="no space left"):
        world.browser.post(path, {"topic": ["newsletter"]})
    assert Suppression.objects.get().scope == "marketing"
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION full_disk CASCADE")
    world.browser.post(path, {"topic": ["newsletter"]})
    assert list(Suppression.objects.values_list("scope", flat=True)) == ["topic"] * 5
