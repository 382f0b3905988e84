"""/f/{token}: the file for whom the link is, the fact in the log, and plain words when there is no file to give."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.test import Client
from pytest_django import Settings

from leads import magnets
from leads.actions import erase
from leads.models import Event, Form, LandingPage, Lead, Magnet
from lifecycle.core import tokens
from tests.cast import FIREFOX
from tests.factories import NOON, FormFactory, LeadFactory

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 the guide"
SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"


@pytest.fixture(autouse=True)
def noon(settings: Settings) -> Any:
    settings.SITE_URL = "https://crm.example.com"
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@pytest.fixture
def guide() -> Magnet:
    file = ContentFile(PDF, name="guide.pdf")
    return Magnet.objects.create(slug="guide", name="The guide", file=file, link_days=14, created_at=NOON)


@pytest.fixture
def ada() -> Lead:
    return LeadFactory.create(ada=True)


def path(magnet: Magnet, lead_id: int) -> str:
    link = magnets.link(magnet, lead_id, now=NOON)
    assert link.startswith("https://crm.example.com/f/")
    return link.removeprefix("https://crm.example.com")


def get(url: str, *, agent: str = FIREFOX, method: str = "get") -> Any:
    return getattr(Client(headers={"user-agent": agent}), method)(url)


def test_the_file_comes_as_an_attachment_and_is_told_to_the_log(guide: Magnet, ada: Lead) -> None:
    answer = get(path(guide, ada.pk))
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, PDF)
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["Content-Disposition"].endswith('.pdf"')
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/pdf", "nosniff")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    event = Event.objects.get(lead=ada)
    assert (event.kind, event.source) == ("magnet.downloaded", "magnet")
    assert event.properties == {"magnet": "guide", "name": "The guide", "human": True}
    guide.refresh_from_db()
    assert guide.downloads == 1


def test_once_an_hour_is_one_download(guide: Magnet, ada: Lead, noon: time_machine.Traveller) -> None:
    url = path(guide, ada.pk)
    assert [get(url).status_code for _ in range(3)] == [200] * 3
    assert Event.objects.filter(lead=ada).count() == 1
    noon.shift(timedelta(hours=1))
    get(url)
    get(path(guide, LeadFactory.create().pk))
    guide.refresh_from_db()
    assert guide.downloads == 3


@pytest.mark.parametrize(("agent", "method"), [(SCANNER, "get"), (FIREFOX, "head"), ("Mozilla/5.0", "get")])
def test_machines_get_it_and_start_nothing(guide: Magnet, ada: Lead, agent: str, method: str) -> None:
    Magnet.objects.update(event_kind="docs.downloaded")
    assert get(path(guide, ada.pk), agent=agent, method=method).status_code == 200
    event = Event.objects.get(lead=ada)
    assert (event.kind, event.properties["human"]) == ("magnet.fetched", False)
    assert event.properties["reason"]
    guide.refresh_from_db()
    ada.refresh_from_db()
    assert (guide.downloads, ada.last_human_act_at) == (0, None)


def test_a_person_after_a_machine_still_counts(guide: Magnet, ada: Lead) -> None:
    get(path(guide, ada.pk), agent=SCANNER)
    get(path(guide, ada.pk))
    assert set(Event.objects.filter(lead=ada).values_list("kind", flat=True)) == {"magnet.fetched", "magnet.downloaded"}
    ada.refresh_from_db()
    assert ada.last_human_act_at == NOON


@pytest.mark.parametrize(
    ("file_name", "saved"),
    [
        ("", "guide"),
        ("Launch guide", 'filename="Launch guide.pdf"'),
        ("Guide.PDF", 'filename="Guide.PDF"'),
        ("../../etc/passwd", 'filename="etc passwd.pdf"'),
        ('a"b\r\nX-Evil: 1', 'filename="a b X-Evil 1.pdf"'),
        ("Čaj", "filename*=utf-8''%C4%8Caj.pdf"),
        ("\u202efdp.exe", 'filename="fdp.exe.pdf"'),
    ],
)
def test_what_it_is_called_when_saved(guide: Magnet, ada: Lead, file_name: str, saved: str) -> None:
    Magnet.objects.update(file_name=file_name)
    answer = get(path(guide, ada.pk))
    assert saved in answer["Content-Disposition"]
    assert "X-Evil" not in answer.headers


def test_a_replaced_file_keeps_links_working(guide: Magnet, ada: Lead) -> None:
    url = path(guide, ada.pk)
    guide.file.save("second.pdf", ContentFile(b"%PDF-2"))
    assert b"".join(get(url).streaming_content) == b"%PDF-2"


def test_an_expired_link_leads_to_a_fresh_one(guide: Magnet, ada: Lead, noon: time_machine.Traveller) -> None:
    url = path(guide, ada.pk)
    noon.shift(timedelta(days=14) - timedelta(seconds=1))
    assert get(url).status_code == 200
    noon.shift(timedelta(seconds=1))
    late = get(url)
    assert late.status_code == 410
    assert "This link has expired" in late.content.decode()
    assert "Get a fresh link" not in late.content.decode()
    FormFactory(slug="guide-form", magnet=guide)
    assert 'href="/forms/guide-form"' in get(url).content.decode()
    LandingPage.objects.create(
        slug="guide", name="G", title="G", magnet=guide, is_published=True, created_at=NOON, updated_at=NOON
    )
    assert 'href="/p/guide"' in get(url).content.decode()
    assert Event.objects.filter(lead=ada).count() == 1


def test_who_was_erased_and_what_was_withdrawn_is_told_plainly(guide: Magnet, ada: Lead) -> None:
    url = path(guide, ada.pk)
    Magnet.objects.update(is_active=False)
    assert (get(url).status_code, "not offered any more" in get(url).content.decode()) == (410, True)
    Magnet.objects.update(is_active=True)
    erase(ada, now=NOON)
    assert get(url).status_code == 410
    other = path(guide, LeadFactory.create().pk)
    Form.objects.all().delete()
    guide.delete()
    assert get(other).status_code == 410
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ["magnets/gone.pdf", "../../../etc/passwd", "/etc/passwd", ""])
def test_a_file_that_is_not_there_is_our_mistake_and_nothing_else(guide: Magnet, ada: Lead, name: str) -> None:
    Magnet.objects.update(file=name)
    answer = get(path(guide, ada.pk))
    assert answer.status_code == 404
    assert "That is our mistake" in answer.content.decode()
    assert not Event.objects.exists()


@pytest.mark.parametrize("token", ["x", "A" * 48, "%00", "..%2f..%2fetc%2fpasswd", "é" * 48, "a" * 5000])
def test_a_forged_link_is_no_link(guide: Magnet, token: str) -> None:
    assert get(f"/f/{token}").status_code == 404
    assert get("/media/magnets/guide.pdf").status_code == 404


def test_a_token_of_another_kind_opens_nothing(guide: Magnet, ada: Lead) -> None:
    assert get(f"/f/{tokens.unsubscribe_token(guide.pk, '00' * 16)}").status_code == 404


def test_only_looking_is_allowed(guide: Magnet, ada: Lead) -> None:
    assert get(path(guide, ada.pk), method="post").status_code == 405
