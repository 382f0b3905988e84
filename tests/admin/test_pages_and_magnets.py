"""Landing pages and lead magnets in the admin: made, published, tried in variants, uploaded and replaced."""

from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from leads import magnet_files
from leads.models import LandingPage, Magnet, PageVariant
from tests import staff
from tests.factories import FormFactory

pytestmark = pytest.mark.django_db
ADD = reverse("admin:leads_magnet_add")


def upload(file_name: str, body: bytes, url: str = ADD, **more: Any) -> Any:
    fields = {"name": "Guide", "slug": "guide", "event_kind": "magnet.downloaded", "link_days": "14", "is_active": "on"}
    file = {"file": SimpleUploadedFile(file_name, body)} if file_name else {}
    return staff.colleague("marketer").post(url, {**fields, **file, **more})


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("guide.html", b"<script>", "Files end in .pdf"),
        ("guide.pdf.exe", b"%PDF-", "Files end in .pdf"),
        ("guide.pdf", b"MZ\x90", "It is called .pdf, and is not one"),
        ("guide.pdf", b"", "empty"),
        ("", b"", "This field is required"),
    ],
)
def test_what_is_no_file_for_people_is_refused_with_its_reason(name: str, body: bytes, said: str) -> None:
    assert said in upload(name, body).content.decode()
    assert not Magnet.objects.exists()


def test_too_large_is_said_before_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(magnet_files, "LARGEST", 10)
    assert "At most 0 MB" in upload("guide.pdf", b"%PDF-" + b"x" * 10).content.decode()


def test_a_file_is_kept_replaced_and_shown_to_colleagues(django_capture_on_commit_callbacks: Any) -> None:
    assert upload("guide.pdf", b"%PDF-1").status_code == 302
    magnet = Magnet.objects.get()
    first = str(magnet.file.name)
    url = reverse("admin:leads_magnet_change", args=[magnet.pk])
    assert upload("", b"", url, name="The guide").status_code == 302
    magnet.refresh_from_db()
    assert (magnet.name, magnet.file.name) == ("The guide", first)
    with django_capture_on_commit_callbacks(execute=True):
        upload("second.pdf", b"%PDF-2", url)
    magnet.refresh_from_db()
    assert not default_storage.exists(first)
    answer = staff.colleague("marketer").get(reverse("admin:leads_magnet_file", args=[magnet.pk]))
    assert b"".join(answer.streaming_content) == b"%PDF-2"
    magnet.refresh_from_db()
    assert magnet.downloads == 0


def test_a_page_is_made_published_tried_and_taken_down() -> None:
    marketer, form = staff.colleague("marketer"), FormFactory(slug="guide")
    fields = {"name": "Guide", "slug": "guide", "title": "Guide", "form": form.pk, "is_indexed": "on"}
    assert marketer.post(reverse("admin:leads_landingpage_add"), fields).status_code == 302
    page = LandingPage.objects.get()
    assert not page.is_published
    assert page.variants.get().blocks

    def press(button: str, **said: str) -> None:
        url = reverse(f"admin:leads_landingpage_{button}", args=[page.pk])
        assert marketer.post(url, {"_form_submitted": "on", **said}).status_code == 200
        page.refresh_from_db()

    press("publish")
    assert page.is_published
    press("duplicate", name="Short headline")
    assert [(each.key, each.weight) for each in page.variants.all()] == [("a", 100), ("b", 0)]
    press("unpublish")
    assert not page.is_published


def test_blocks_that_do_not_read_are_not_saved() -> None:
    marketer = staff.colleague("marketer")
    marketer.post(reverse("admin:leads_landingpage_add"), {"name": "Guide", "slug": "guide", "title": "Guide"})
    variant = PageVariant.objects.get()
    url = reverse("admin:leads_pagevariant_change", args=[variant.pk])
    answer = marketer.post(url, {"name": "", "weight": "1", "blocks": '[{"type": "hero"}]'})
    assert "Block 1, headline: “Headline” is needed." in answer.content.decode()
    assert marketer.post(url, {"weight": "1", "blocks": '[{"type": "text", "body": "Hi"}]'}).status_code == 302
    variant.refresh_from_db()
    assert variant.blocks == [{"type": "text", "body": "Hi"}]
