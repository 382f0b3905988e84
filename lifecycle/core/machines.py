"""Machines that ask for what people ask for: mail scanners, link previews, crawlers, privacy proxies. Pure."""

import re

_KNOWN = re.compile(
    r"bot\b|crawler|spider|scanner|GoogleImageProxy|YahooMailProxy|Barracuda|Mimecast|Proofpoint|urldefense|Symantec"
    r"|MessageLabs|Sophos|FireEye|TrendMicro|Cisco-?IronPort|ZmEu|BitDefender|Forcepoint|SafeLinks|HeadlessChrome"
    r"|Slackbot|facebookexternalhit|LinkedInBot|WhatsApp|preview",
    re.IGNORECASE,
)
# Apple's privacy proxy fetches every image of every mail, and names no program at all.
_APPLE_PROXY = re.compile(r"^Mozilla/5\.0$")


def machine(method: str, user_agent: str) -> str:
    """Why a request is a machine's, in words for people; "" if nothing tells that it is."""
    if method == "HEAD":
        return "asked for the headers only"
    if _APPLE_PROXY.match(user_agent):
        return "Apple's privacy proxy"
    if _KNOWN.search(user_agent):
        return "a known scanner or proxy"
    return ""
