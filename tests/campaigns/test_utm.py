"""UTM values on links of our own mail."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.sending import utm
from leads import attribution
from tests.cast import ADA, World, links

ON = {"adds_utm": True, "utm_campaign": ""}
GIVEN = utm.values(ON, campaign="demo-nurture", content="welcome")
ALL = "utm_source=lifecycle&utm_medium=email&utm_campaign=demo-nurture&utm_content=welcome"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", f"https://a.example?{ALL}"),
        ("https://a.example/x?", f"https://a.example/x?{ALL}"),
        ("https://a.example/x?b=1&c=%20&c=", f"https://a.example/x?b=1&c=%20&c=&{ALL}"),
        ("https://a.example/x#part?y", f"https://a.example/x?{ALL}#part?y"),
        ("https://a.example/?utm_source=partner#x", f"https://a.example/?utm_source=partner&{ALL[21:]}#x"),
        (f"https://a.example/?UTM_Campaign=&{ALL}", f"https://a.example/?UTM_Campaign=&{ALL}"),
        ("https://a.example/?q", f"https://a.example/?q&{ALL}"),
    ],
)
def test_what_a_link_has_stays_and_what_is_missing_is_added(url: str, expected: str) -> None:
    assert utm.added(url, GIVEN) == expected


def test_a_mail_may_name_its_campaign_or_want_none_of_it() -> None:
    assert utm.values({"adds_utm": True, "utm_campaign": "Spring & more"}, campaign="x", content="") == {
        "utm_source": "lifecycle", "utm_medium": "email", "utm_campaign": "Spring & more"
    }  # fmt: skip
    assert utm.added("https://a.example", {"utm_campaign": "Spring & more"}).endswith("=Spring%20%26%20more")
    assert utm.values({"adds_utm": False}, campaign="x", content="y") == {}
    assert utm.values({}, campaign="x", content="y") == {}, "a version from before the wish"


@given(st.text(alphabet="ab=&?#%;+ü_", max_size=30))
def test_nothing_of_an_address_is_lost_and_twice_is_once(tail: str) -> None:
    url = f"https://a.example/{tail}"
    made = utm.added(url, GIVEN)
    assert urlsplit(made).fragment == urlsplit(url).fragment
    assert urlsplit(made).query.startswith(urlsplit(url).query.removesuffix("&"))
    assert utm.added(made, GIVEN) == made
    assert attribution.carried({"page_url": made})["campaign"] == "demo-nurture"


@pytest.mark.usefixtures("playbooks")
@pytest.mark.django_db
def test_a_click_leads_on_with_the_values_and_is_a_touch_of_that_mail(world: World) -> None:
    ada = world.submit("contact", **ADA, utm_source="google", utm_medium="cpc", utm_campaign="brand")
    world.run()
    world.later(minutes=40)
    answer = world.follow(links(world.mails_to(ada)[0])[0])
    step = ada.messages.get().step_key
    query = urlsplit(answer["Location"]).query
    expected = f"utm_source=lifecycle&utm_medium=email&utm_campaign=demo-nurture&utm_content={step}"
    assert query.endswith(expected)
    world.run()
    ada.refresh_from_db()
    touch = ada.latest_touch
    assert touch is not None
    assert (touch.kind, touch.sequence, touch.mail) == ("click", "demo-nurture", f"demo-nurture/{step}")
    assert (touch.source, touch.medium, touch.campaign, touch.device) == (
        "lifecycle",
        "email",
        "demo-nurture",
        "desktop",
    )
    event = touch.event
    assert event is not None
    assert event.properties["landed"] == answer["Location"]
    assert "utm_" not in event.properties["url"]

    world.later(seconds=3)
    world.tell(ada, "page.viewed", url=answer["Location"])
    world.run()
    assert ada.touches.count() == 2, "the page behind the link is no touch of its own"
