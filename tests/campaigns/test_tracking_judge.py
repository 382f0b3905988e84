"""Was it a person? The verdict from the facts of the request alone."""

from datetime import timedelta

import pytest

from campaigns.sending.tracking import TOO_SOON, Request, judge

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
LATER = timedelta(minutes=3)

PERSON = (True, "a person, as far as we can tell")
SCANNER = (False, "a known scanner or proxy")
DELIVERY = (False, "at the moment of delivery")


@pytest.mark.parametrize(
    ("method", "agent", "since_sent", "other", "expected"),
    [
        ("GET", CHROME, LATER, False, PERSON),
        ("GET", IPHONE, LATER, False, PERSON),
        ("GET", "", LATER, False, PERSON),
        ("GET", "Thunderbird/128.0", LATER, False, PERSON),
        ("GET", "Mozilla/5.0 (compatible; Abbott Robotics Browser)", LATER, False, PERSON),
        ("HEAD", CHROME, LATER, False, (False, "asked for the headers only")),
        ("GET", "Mozilla/5.0", LATER, False, (False, "Apple's privacy proxy")),
        ("GET", GMAIL, LATER, False, SCANNER),
        ("GET", "YahooMailProxy; https://help.yahoo.com", LATER, False, SCANNER),
        ("GET", "Mozilla/5.0 (compatible; bingbot/2.0)", LATER, False, SCANNER),
        ("GET", "barracuda sentinel", LATER, False, SCANNER),
        ("GET", "Slackbot-LinkExpanding 1.0", LATER, False, SCANNER),
        ("GET", CHROME.replace("Chrome", "HeadlessChrome"), LATER, False, SCANNER),
        ("GET", CHROME, None, False, DELIVERY),
        ("GET", CHROME, timedelta(0), False, DELIVERY),
        ("GET", CHROME, TOO_SOON - timedelta(microseconds=1), False, DELIVERY),
        ("GET", CHROME, TOO_SOON, False, PERSON),
        # A web server whose clock is a little behind the worker's: no reason to doubt the person.
        ("GET", CHROME, -timedelta(seconds=30), False, PERSON),
        ("GET", CHROME, LATER, True, (False, "several links within a second")),
        # The most telling reason is the one that is stored.
        ("HEAD", GMAIL, None, True, (False, "asked for the headers only")),
        ("GET", GMAIL, None, True, SCANNER),
        ("GET", CHROME, None, True, DELIVERY),
    ],
)
@pytest.mark.parametrize("kind", ["click", "open"])
def test_the_verdict_and_its_reason(method, agent, since_sent, other, expected, kind) -> None:
    found = judge(Request(method, agent), kind=kind, since_sent=since_sent, other_link_just_now=other)
    assert (found.human, found.reason) == expected
