"""Channels: rules that are edited in a list, tried with an address, and used to look for touches."""

import pytest
from django.test import Client
from django.urls import reverse, reverse_lazy

from leads.models import ChannelRule, Touch
from tests import staff
from tests.factories import NOON, LeadFactory

pytestmark = pytest.mark.django_db
TRY = reverse_lazy("admin:leads_channelrule_try_rules")


@pytest.fixture
def boss() -> Client:
    ChannelRule.objects.create(position=10, channel="Paid search", mediums="cpc", click_ids="gclid, %_*")
    ChannelRule.objects.create(position=20, channel="Email", mediums="email")
    return staff.colleague("boss")


def test_an_address_is_tried_and_the_rule_is_named(boss: Client) -> None:
    page = boss.get(TRY, {"address": "https://www.example.com/?gclid=1&utm_campaign=Brand", "referrer": ""})
    text = page.content.decode()
    assert "<h2>Paid search</h2>" in text
    assert "Position 10" in text
    assert "<td>brand</td>" in text
    assert "<h2>Other</h2>" in boss.get(TRY, {"address": "", "referrer": "https://www.google.com/"}).content.decode()
    assert boss.get(TRY).status_code == 200


def test_who_may_not_see_the_rules_may_not_try_them() -> None:
    assert staff.colleague("outsider").get(TRY).status_code in (302, 403)


def test_touches_are_filtered_by_channel_kind_and_device(boss: Client) -> None:
    lead = LeadFactory(email="ana@acme.com")
    for medium, kind, device in (("cpc", "visit", "mobile"), ("email", "click", "desktop"), ("", "form", "")):
        Touch.objects.create(
            lead=lead, kind=kind, medium=medium, device=device, click_ids={"gclid": "1"} if medium == "cpc" else {},
            occurred_at=NOON, recorded_at=NOON,
        )  # fmt: skip

    def found(**filters: str) -> list[str]:
        page = boss.get(reverse("admin:leads_touch_changelist"), filters)
        return [touch.kind for touch in page.context["cl"].result_list]

    assert found(channel="Paid search") == ["visit"]
    assert found(channel="Other") == ["form"]
    assert found(kind="click", device="desktop") == ["click"]
    assert found(device="tablet") == []


def test_positions_are_changed_in_the_list(boss: Client) -> None:
    first, second = ChannelRule.objects.all()
    rows = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}
    for number, (rule, position) in enumerate(((first, 30), (second, 20))):
        rows |= {f"form-{number}-id": str(rule.pk), f"form-{number}-position": str(position)}
        rows |= {f"form-{number}-is_active": "on"}
    assert boss.post(reverse("admin:leads_channelrule_changelist"), rows).status_code == 302
    assert [rule.channel for rule in ChannelRule.objects.all()] == ["Email", "Paid search"]
