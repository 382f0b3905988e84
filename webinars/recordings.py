"""How a recording is shown on a page, by its address alone: in YouTube's or Vimeo's player, or as the film it is. Pure.

Players are asked for from the hosts that keep the least of who looks. Whatever else an address is stays a link.
"""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

YOUTUBE, VIMEO = "https://www.youtube-nocookie.com", "https://player.vimeo.com"
FILMS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_YOUTUBE_PATH = re.compile(r"/(?:embed|live|shorts|v)/([^/]+)/?")
# vimeo.com/76979871, with the hash of an unlisted one behind it, or below a channel.
_VIMEO_PATH = re.compile(r"/(?:video/|channels/[\w-]+/|showcase/\d+/video/)?(\d{6,12})(?:/([0-9a-f]{6,20}))?/?")
_VIMEO_HASH = re.compile(r"[0-9a-f]{6,20}")
_CLOCK = re.compile(r"(?:(\d{1,2})h)?(?:(\d{1,3})m)?(?:(\d{1,5})s?)?")


@dataclass(frozen=True, slots=True)
class Player:
    """`origin`: the one website that the page must let in. `mime` is that of a film; without it, `src` is a frame's."""

    src: str
    origin: str
    name: str
    mime: str = ""


def player(url: str) -> Player | None:
    """What plays this recording within a page, or None if it can only be linked to."""
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    if parts.scheme != "https" or not _HOST.fullmatch(parts.hostname or "") or parts.username is not None:
        return None
    if host in ("youtube.com", "youtu.be", "youtube-nocookie.com", "music.youtube.com"):
        return _youtube(host, parts)
    if host in ("vimeo.com", "player.vimeo.com"):
        return _vimeo(parts)
    mime = next((mime for ending, mime in FILMS.items() if parts.path.lower().endswith(ending)), "")
    origin = f"https://{parts.hostname}{port}"
    return Player(f"{origin}{parts.path}{'?' * bool(parts.query)}{parts.query}", origin, "", mime) if mime else None


def _youtube(host: str, parts: SplitResult) -> Player | None:
    asked = parse_qs(parts.query)
    found = _YOUTUBE_PATH.fullmatch(parts.path)
    named = parts.path.strip("/") if host == "youtu.be" else found[1] if found else asked.get("v", [""])[0]
    if not _YOUTUBE_ID.fullmatch(named):
        return None
    start = _seconds(asked.get("t", asked.get("start", [""]))[0])
    more = {"rel": "0", **({"start": str(start)} if start else {})}
    return Player(f"{YOUTUBE}/embed/{named}?{urlencode(more)}", YOUTUBE, "YouTube")


def _vimeo(parts: SplitResult) -> Player | None:
    found = _VIMEO_PATH.fullmatch(parts.path)
    if found is None:
        return None
    unlisted = found[2] or parse_qs(parts.query).get("h", [""])[0]
    more = {**({"h": unlisted} if _VIMEO_HASH.fullmatch(unlisted) else {}), "dnt": "1"}
    return Player(f"{VIMEO}/video/{found[1]}?{urlencode(more)}", VIMEO, "Vimeo")


def _seconds(text: str) -> int:
    """“90”, “90s” or “1h2m3s”; 0 for anything else."""
    found = _CLOCK.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return hours * 3600 + minutes * 60 + seconds
