"""Where a contact came from: UTM values, click ids and referrer as one touch. Pure: values in, values out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from leads import devices
from leads.profile import clean

PARTS = {"source": 120, "medium": 120, "campaign": 200, "term": 200, "content": 200}
CLICK_IDS = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google", "display"),
    "msclkid": ("bing", "cpc"),
    "fbclid": ("facebook", "social"),
    "li_fat_id": ("linkedin", "social"),
    "ttclid": ("tiktok", "social"),
    "twclid": ("twitter", "social"),
}
LONGEST_URL = 1_000
LONGEST_PATH = 300
LONGEST_CLICK_ID = 500
LONGEST_RAW = 2_000

_NAMES = frozenset({*(f"utm_{part}" for part in PARTS), *CLICK_IDS})
# What a body may carry for attribution; none of it is an answer of the person.
KEYS = _NAMES | {"referrer", "page_url", "anonymous_id", "context"}
_KEPT_RAW = KEYS - {"context", "anonymous_id"}

_SEARCH = {
    "google": "google",
    "bing": "bing",
    "duckduckgo": "duckduckgo",
    "yahoo": "yahoo",
    "ecosia": "ecosia",
    "qwant": "qwant",
    "startpage": "startpage",
    "baidu": "baidu",
    "yandex": "yandex",
    "naver": "naver",
    "seznam": "seznam",
}
_SEARCH_HOSTS = {"search.brave.com": "brave", "kagi.com": "kagi"}
_SOCIAL = {
    "facebook.com": "facebook",
    "l.facebook.com": "facebook",
    "lm.facebook.com": "facebook",
    "instagram.com": "instagram",
    "l.instagram.com": "instagram",
    "linkedin.com": "linkedin",
    "lnkd.in": "linkedin",
    "t.co": "twitter",
    "x.com": "twitter",
    "twitter.com": "twitter",
    "youtube.com": "youtube",
    "reddit.com": "reddit",
    "pinterest.com": "pinterest",
    "tiktok.com": "tiktok",
    "xing.com": "xing",
    "news.ycombinator.com": "hackernews",
    "bsky.app": "bluesky",
}
_SECOND_LEVEL = frozenset({"co", "com", "net", "org", "ac", "gov"})


@dataclass(frozen=True, slots=True)
class Provenance:
    """The columns of a touch that say where it came from; `raw` is what was sent, before normalising."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    click_ids: dict[str, str] = field(default_factory=dict)
    referrer: str = ""
    landing_page: str = ""
    landing_path: str = ""
    device: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def read(data: Mapping[str, Any], *, user_agent: str = "") -> Provenance:
    """The provenance in a posted body. `user_agent`: of the request, for a body that does not name its browser's.

    Explicit values win over Segment's `context`, which wins over what stands in the page's address. Without any UTM
    value, a click id names the source, else the referrer: a search engine, a network, a site or nobody (direct).
    """
    context = _mapping(data.get("context"))
    page_url, referrer = _address(data, context), _referrer(data, context)
    utm, clicks = _carried(data, context, page_url)
    if not utm["source"] and not utm["medium"]:
        source, medium = _derived(clicks, referrer, page_url)
        utm |= {"source": source, "medium": medium}
    return Provenance(
        **utm,
        click_ids=clicks,
        referrer=referrer,
        landing_page=page_url,
        landing_path=landing_path(page_url),
        device=devices.of(context.get("userAgent") or user_agent),
        raw=_raw(data),
    )


def of_view(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of a page event as a body that `read` and `carried` understand: a view's own address is `url`."""
    context = _mapping(properties.get("context"))
    own = {name: properties[name] for name in KEYS & properties.keys()}
    if not _url(own.get("page_url")) and not _url(_mapping(context.get("page")).get("url")):
        own["page_url"] = properties.get("url")
    return own


def carried(data: Mapping[str, Any]) -> dict[str, str]:
    """The UTM values and click ids that a body names itself, nothing derived: {"source": "google", "gclid": "…"}."""
    context = _mapping(data.get("context"))
    page_url = _address(data, context)
    if "?" not in page_url and not context.get("campaign") and _NAMES.isdisjoint(data):
        return {}  # as nearly every page view
    utm, clicks = _carried(data, context, page_url)
    return {part: value for part, value in utm.items() if value} | clicks


def landing_path(url: str) -> str:
    """Host and path of an address: the host in lower case, no query, no slash at the end."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return ""
    return f"{host}{parts.path.rstrip('/')}"[:LONGEST_PATH]


def anonymous_id(data: Mapping[str, Any]) -> str:
    """The browser's own id in a body, or ""."""
    value = data.get("anonymous_id") or _mapping(data.get("context")).get("anonymousId")
    return clean(value)[:120] if isinstance(value, str) else ""


def _address(data: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    return _url(data.get("page_url")) or _url(_mapping(context.get("page")).get("url"))


def _referrer(data: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    sent = (data.get("referrer"), _mapping(context.get("page")).get("referrer"))
    return next(filter(None, map(_url, sent)), "") or _url(_mapping(context.get("referrer")).get("url"))


def _carried(
    data: Mapping[str, Any], context: Mapping[str, Any], page_url: str
) -> tuple[dict[str, str], dict[str, str]]:
    """The UTM values, all of them, and the click ids."""
    query = dict(parse_qsl(_split(page_url)[1], max_num_fields=None)) if "?" in page_url else {}
    utm = _utm(data, _mapping(context.get("campaign")), query)
    return utm, {name: value for name in CLICK_IDS if (value := _click_id(data.get(name) or query.get(name)))}


def _utm(data: Mapping[str, Any], campaign: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, str]:
    """Lower case throughout: Google and google are one source. Segment calls utm_campaign the campaign's name."""
    found = {}
    for part, longest in PARTS.items():
        sent = (data.get(f"utm_{part}"), campaign.get("name" if part == "campaign" else part), query.get(f"utm_{part}"))
        found[part] = next((text for value in sent if (text := _word(value))), "")[:longest]
    return found


def _derived(clicks: Mapping[str, str], referrer: str, page_url: str) -> tuple[str, str]:
    for name in clicks:
        return CLICK_IDS[name]
    host = _host(referrer)
    if not host or _site(host) == _site(_host(page_url)):
        return "direct", ""
    if host in _SEARCH_HOSTS:
        return _SEARCH_HOSTS[host], "organic"
    if host in _SOCIAL:
        return _SOCIAL[host], "social"
    engine = _SEARCH.get(_site(host).partition(".")[0])
    if engine and host.split(".")[0] not in ("mail", "docs", "drive", "groups"):
        return engine, "organic"
    return host[: PARTS["source"]], "referral"


def _raw(data: Mapping[str, Any]) -> dict[str, Any]:
    sent = {name: str(data[name])[:LONGEST_RAW] for name in _KEPT_RAW & data.keys() if data[name]}
    context = _mapping(data.get("context"))
    for name in ("campaign", "page", "referrer"):
        if context.get(name):
            sent[f"context.{name}"] = str(context[name])[:LONGEST_RAW]
    return sent


def _word(value: object) -> str:
    if value is None:
        return ""
    return clean(str(value)).lower() if isinstance(value, (str, int, float)) else ""


def _click_id(value: object) -> str:
    return clean(value)[:LONGEST_CLICK_ID] if isinstance(value, str) else ""


def _url(value: object) -> str:
    """A web address, or "" for anything else: a javascript: URL must not end up as a link."""
    if not isinstance(value, str):
        return ""
    text = clean(value)[:LONGEST_URL]
    return text if text.lower().startswith(("http://", "https://", "android-app://")) or text.startswith("/") else ""


def _split(url: str) -> tuple[str, str]:
    """Host and query of an address; both empty if it does not read."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), parts.query
    except ValueError:
        return "", ""


def _host(url: str) -> str:
    return _split(url)[0].removeprefix("www.").removeprefix("m.")


def _site(host: str) -> str:
    """The registered domain, near enough: the last two labels, or three where the second is like co.uk."""
    labels = host.split(".")
    keep = 3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else 2
    return ".".join(labels[-keep:])


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
