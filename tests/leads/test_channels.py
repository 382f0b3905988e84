"""Which channel a touch belongs to, in Python and in SQL."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from leads import attribution, channels, playbooks
from leads.channels import OTHER, Channels, Rule
from leads.models import ChannelRule
from lifecycle.core import sql
from tests.leads.conftest import playbook

pytestmark = pytest.mark.django_db


def in_sql(rules, source, medium, campaign, click_ids):
    case, given = rules.case("t")
    touch = "SELECT %b::text AS source, %b::text AS medium, %b::text AS campaign, %b::text::jsonb AS click_ids"
    values = [source, medium, campaign, sql.to_json(click_ids)]
    return sql.fetch(f"SELECT {case} FROM ({touch}) t", [*given, *values])[0][0]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"gclid": "g"}, "Paid search"),
        ({"msclkid": "m"}, "Paid search"),
        ({"utm_source": "google", "utm_medium": "cpc"}, "Paid search"),
        ({"utm_source": "google", "gclid": "g"}, "Paid search"),
        ({"utm_source": "google", "utm_medium": "paid"}, "Paid search"),
        ({"dclid": "d"}, "Display"),
        ({"utm_source": "google", "utm_medium": "cpm"}, "Display"),
        ({"utm_source": "linkedin", "utm_medium": "paid"}, "Paid social"),
        ({"utm_source": "facebook", "utm_medium": "paid_social"}, "Paid social"),
        ({"utm_source": "youtube.com", "utm_medium": "cpc"}, "Paid video"),
        ({"utm_source": "capterra", "utm_medium": "ppc"}, "Paid other"),
        ({"utm_source": "lifecycle", "utm_medium": "email"}, "Email"),
        ({"utm_source": "opsweekly", "utm_medium": "newsletter"}, "Email"),
        ({"utm_source": "brightquay", "utm_medium": "webinar"}, "Events"),
        ({"utm_source": "acme", "utm_medium": "affiliate"}, "Affiliates"),
        ({"referrer": "https://www.google.com/"}, "Organic search"),
        ({"referrer": "https://search.brave.com/"}, "Organic search"),
        ({"utm_source": "google"}, "Organic search"),
        ({"referrer": "https://www.linkedin.com/feed"}, "Organic social"),
        ({"fbclid": "f"}, "Organic social"),
        ({"utm_source": "linkedin"}, "Organic social"),
        ({"referrer": "https://blog.partner.example/post"}, "Referral"),
        ({}, "Direct"),
        ({"utm_source": "billboard", "utm_medium": "print"}, OTHER),
    ],
)
def test_the_channels_that_ship(sent, expected):
    playbooks.load_channels(playbook("channels"))
    read = attribution.read(sent)
    rules = channels.current()
    assert rules.of(read.source, read.medium, read.campaign, read.click_ids) == expected
    assert in_sql(rules, read.source, read.medium, read.campaign, read.click_ids) == expected


def test_the_first_rule_that_fits_counts_and_inactive_ones_do_not():
    ChannelRule.objects.create(position=20, channel="Paid", mediums="cpc")
    ChannelRule.objects.create(position=10, channel="Brand", mediums="cpc", campaigns="brand*, *-brand")
    ChannelRule.objects.create(position=1, channel="Off", is_active=False)
    rules = channels.current()
    assert rules.of("google", "cpc", "brand-2026") == "Brand"
    assert rules.of("google", "cpc", "spring") == "Paid"
    assert rules.of("google", "organic", "brand") == OTHER
    assert rules.names() == ["Brand", "Paid", OTHER]


def test_without_rules_everything_is_other():
    assert Channels([]).of("google", "cpc", "") == OTHER
    assert in_sql(Channels([]), "google", "cpc", "", {}) == OTHER


WORD = st.text(alphabet="ab*%_\\[]?.,|( \n", max_size=6)
LIST = st.lists(WORD, max_size=3).map(",".join)
RULES = st.lists(st.builds(Rule, st.sampled_from(["A", "B"]), LIST, LIST, LIST, LIST), max_size=4)
VALUE = st.text(alphabet="ab%_\\[]?.|( \n", max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(RULES, VALUE, VALUE, VALUE, st.dictionaries(VALUE, st.just("1"), max_size=2))
@example([Rule("A", "a*b")], "a\nb", "", "", {})
@example([Rule("A", click_ids="*")], "", "", "", {})
@example([Rule("A", "*a*a*a*a*a*a*a*a*a*a*b")], "a" * 100, "", "", {})
def test_python_and_sql_find_the_same_channel(rules, source, medium, campaign, click_ids):
    made = Channels(rules)
    expected = made.of(source, medium, campaign, click_ids)
    assert in_sql(made, source, medium, campaign, click_ids) == expected
    place = made.place(source, medium, campaign, click_ids)
    assert expected == (OTHER if place is None else rules[place].channel)
