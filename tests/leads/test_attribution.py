import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import attribution


def sources(**data):
    read = attribution.read(data)
    return read.source, read.medium, read.campaign


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"utm_source": " Google ", "utm_medium": "CPC", "utm_campaign": "Spring"}, ("google", "cpc", "spring")),
        ({"page_url": "https://acme.com/a?utm_source=LinkedIn&utm_medium=social"}, ("linkedin", "social", "")),
        ({"utm_source": "a", "page_url": "https://acme.com/?utm_source=b&utm_campaign=c"}, ("a", "", "c")),
        ({"gclid": "xyz"}, ("google", "cpc", "")),
        ({"page_url": "https://acme.com/?fbclid=1"}, ("facebook", "social", "")),
        ({"referrer": "https://www.google.de/search?q=crm"}, ("google", "organic", "")),
        ({"referrer": "https://news.ycombinator.com/item"}, ("hackernews", "social", "")),
        ({"referrer": "https://blog.partner.example/post"}, ("blog.partner.example", "referral", "")),
        ({"referrer": "https://www.acme.com/", "page_url": "https://acme.com/contact"}, ("direct", "", "")),
        ({}, ("direct", "", "")),
        ({"context": {"campaign": {"source": "Newsletter", "name": "May"}}}, ("newsletter", "", "may")),
        ({"context": {"page": {"url": "https://a.com/?utm_source=x", "referrer": "https://b.com"}}}, ("x", "", "")),
        ({"referrer": "javascript:alert(1)", "page_url": "http://[bad"}, ("direct", "", "")),
        ({"context": "nonsense", "utm_source": ["list"]}, ("direct", "", "")),
    ],
)
def test_where_a_contact_came_from(data, expected):
    assert sources(**data) == expected


def test_a_touch_keeps_click_ids_addresses_and_what_was_sent():
    read = attribution.read({"utm_source": "X", "gclid": "G1", "page_url": "https://a.com/?msclkid=M1"})
    assert read.click_ids == {"gclid": "G1", "msclkid": "M1"}
    assert read.landing_page == "https://a.com/?msclkid=M1"
    assert read.raw["utm_source"] == "X"


@given(
    st.dictionaries(
        st.sampled_from(sorted(attribution.KEYS)), st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()))
    )
)
def test_nothing_that_is_sent_breaks_it_or_outgrows_its_column(data):
    read = attribution.read(data)
    assert all(len(getattr(read, part)) <= longest for part, longest in attribution.PARTS.items())
    assert len(read.referrer) <= 1000
    assert len(read.landing_page) <= 1000
