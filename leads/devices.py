"""What kind of device a browser runs on, from its own words. Pure."""

import re

DESKTOP, MOBILE, TABLET = "desktop", "mobile", "tablet"

# An Android without “Mobile” is a tablet by Google's own rule; an iPad that asks for desktop pages calls itself a Mac.
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook|android(?!.*mobile)", re.IGNORECASE)
_MOBILE = re.compile(r"mobi|iphone|ipod|android|blackberry|opera mini|windows phone", re.IGNORECASE)
_DESKTOP = re.compile(r"windows nt|macintosh|x11|cros |linux x86_64", re.IGNORECASE)


def of(user_agent: object) -> str:
    """desktop, mobile or tablet; "" for programs and for whatever does not say."""
    if not isinstance(user_agent, str) or not user_agent:
        return ""
    text = user_agent[:1_000]
    for device, told in ((TABLET, _TABLET), (MOBILE, _MOBILE), (DESKTOP, _DESKTOP)):
        if told.search(text):
            return device
    return ""
