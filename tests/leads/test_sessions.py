"""Which page views and clicks are touches. Times are minutes after noon."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import devices, sessions
from leads.sessions import Known, NewTouch, Past
from tests.factories import NOON

AD = "https://www.example.com/pricing?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=g1"
MAIL = (
    "https://www.example.com/docs?utm_source=lifecycle&utm_medium=email&utm_campaign=demo-nurture&utm_content=welcome"
)
PLAIN = "https://www.example.com/docs"


class Act(NamedTuple):
    id: int
    minute: float
    properties: dict[str, Any]
    kind: str = "page.viewed"

    @property
    def occurred_at(self) -> Any:
        return NOON + timedelta(minutes=self.minute)


def view(number: int, minute: float, url: str = PLAIN, **further: Any) -> Act:
    return Act(number, minute, {"url": url, **further})


def click(number: int, minute: float, step: str = "welcome", **further: Any) -> Act:
    said = {"sequence": "demo-nurture", "step": step, "human": True, "url": PLAIN, **further}
    return Act(number, minute, said, "email.clicked")


def made(*acts: Act, touches: tuple[Known, ...] = ()) -> list[NewTouch]:
    return sessions.touches(acts, Past([(act.occurred_at, act.id) for act in acts], touches))


def ids(*acts: Act) -> list[int]:
    return [touch.event_id for touch in made(*acts)]


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        pytest.param([view(1, 0)], [1], id="the first view"),
        pytest.param([view(1, 0), view(2, 29), view(3, 58)], [1], id="a session goes on while pauses are short"),
        pytest.param([view(1, 0), view(2, 30)], [1, 2], id="half an hour ends it"),
        pytest.param([view(1, 0), view(2, 5, AD)], [1, 2], id="an ad in the middle"),
        pytest.param([view(1, 0, AD), view(2, 1, AD)], [1], id="the same address again"),
        pytest.param([view(1, 0, AD), view(2, 1), view(3, 2, AD)], [1], id="back to the page of the ad"),
        pytest.param([view(1, 0, AD), view(2, 1, AD.replace("g1", "g2"))], [1, 2], id="another click on the ad"),
        pytest.param(
            [view(1, 0, AD), view(2, 1, f"{PLAIN}?utm_source=Google")], [1], id="less of the same campaign is the same"
        ),
        pytest.param(
            [view(1, 0), view(2, 5, referrer="https://www.example.com/pricing")],
            [1],
            id="from page to page of the site",
        ),
        pytest.param([click(1, 0), view(2, 0.1, MAIL)], [1], id="the page a mail's link led to"),
        pytest.param([click(1, 0), view(2, 0.1)], [1], id="the same without UTM values"),
        pytest.param([click(1, 0), click(2, 3), view(3, 4, AD)], [1, 3], id="two links of one mail"),
        pytest.param([click(1, 0), click(2, 3, "reminder")], [1, 2], id="two mails"),
        pytest.param([view(1, 0), click(2, 3)], [1, 2], id="a mail read while on the site"),
        pytest.param([view(3, 40), view(1, 0), view(2, 20)], [1], id="in whatever order they come"),
    ],
)
def test_what_begins_a_session_or_carries_another_campaign_is_a_touch(acts: list[Act], expected: list[int]) -> None:
    assert ids(*acts) == expected


def test_a_touch_says_where_the_view_came_from() -> None:
    context = {
        "page": {"url": AD, "referrer": "https://www.google.com/"},
        "userAgent": "Mozilla/5.0 (iPhone; …) Mobile",
    }
    (touch,) = made(Act(1, 0, {"url": "https://elsewhere.example", "context": context}, "pricing.viewed"))
    read = touch.provenance
    assert (touch.kind, read.source, read.medium, read.campaign) == ("visit", "google", "cpc", "brand")
    assert (read.click_ids, read.referrer) == ({"gclid": "g1"}, "https://www.google.com/")
    assert (read.landing_page, read.landing_path, read.device) == (AD, "www.example.com/pricing", "mobile")


def test_the_campaign_that_a_client_names_needs_no_address_with_it() -> None:
    context = {"page": {"url": PLAIN}, "campaign": {"name": "Spring", "source": "Newsletter", "medium": "email"}}
    (touch,) = made(view(1, 0, context=context))
    assert (touch.provenance.source, touch.provenance.campaign) == ("newsletter", "spring")


def test_a_click_names_its_sequence_and_mail() -> None:
    (touch,) = made(click(1, 0, device="mobile"))
    read = touch.provenance
    assert (touch.kind, touch.sequence, touch.mail) == ("click", "demo-nurture", "demo-nurture/welcome")
    assert (read.source, read.medium, read.campaign, read.content) == ("lifecycle", "email", "demo-nurture", "welcome")
    assert (read.landing_path, read.device) == ("www.example.com/docs", "mobile")


def test_a_click_in_a_broadcast_names_it_and_the_template() -> None:
    (touch,) = made(click(1, 0, sequence="", step="", broadcast="weekly", template="weekly-3"))
    assert (touch.sequence, touch.mail) == ("broadcast:weekly", "broadcast:weekly/weekly-3")
    assert (touch.provenance.campaign, touch.provenance.content) == ("weekly", "weekly-3")


def test_a_link_that_has_its_own_values_keeps_them_and_the_page_behind_it_is_no_second_touch() -> None:
    landed = f"{PLAIN}?utm_source=partner&utm_medium=email&utm_campaign=demo-nurture&utm_content=welcome"
    (touch,) = made(click(1, 0, landed=landed), view(2, 0.1, landed))
    assert touch.provenance.source == "partner"


def test_nothing_is_a_view_that_does_not_say_its_address() -> None:
    assert not sessions.is_view("page.viewed", {})
    assert not sessions.is_view("page.viewed", {"url": ["x"], "context": {"page": "nonsense"}})
    assert not sessions.is_view("docs.downloaded", {"url": "https://www.example.com/api.pdf"})
    assert sessions.is_view("trial.started", {"context": {"page": {"url": PLAIN}}})


ACTS = st.lists(
    st.builds(
        lambda minute, url: (minute, url),
        st.integers(0, 200),
        st.sampled_from([PLAIN, AD, MAIL, AD.replace("g1", "g2")]),
    ),
    min_size=1,
    max_size=12,
)


@given(ACTS, st.integers(0, 12))
def test_looking_again_or_in_parts_finds_the_same_touches(drawn: list[tuple[int, str]], part: int) -> None:
    acts = [view(number, minute, url) for number, (minute, url) in enumerate(sorted(drawn), 1)]
    once = made(*acts)
    moments = [(act.occurred_at, act.id) for act in acts]
    known = tuple(Known(touch.occurred_at, touch.event_id, sessions.carried_by(touch.provenance)) for touch in once)
    assert sessions.touches(acts, Past(moments, known)) == []
    first = sessions.touches(acts[:part], Past(moments))
    known = tuple(Known(touch.occurred_at, touch.event_id, sessions.carried_by(touch.provenance)) for touch in first)
    assert first + sessions.touches(acts[part:], Past(moments, known)) == once


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.6 Safari/605.1.15", "desktop"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "desktop"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/130.0 Safari/537.36", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) Version/17.6 Mobile/15E148 Safari/604.1", "mobile"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0", "mobile"),
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) Version/16.6 Mobile/15E148 Safari/604.1", "tablet"),
        ("curl/8.5.0", ""),
        ("", ""),
        (None, ""),
        (["Mozilla"], ""),
    ],
)
def test_the_device_a_browser_runs_on(agent: object, expected: str) -> None:
    assert devices.of(agent) == expected
