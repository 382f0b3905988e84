"""Sessions of a person on the web, and which of their views and clicks are touches. Pure: values in, values out.

A session goes on while there is a view or a click at least every half hour. What begins one is a touch; so is a view in
the middle of it that carries another campaign than the session has, because an ad was clicked meanwhile. A page that
is reached from a page of the same site carries nothing and is none.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from leads import attribution
from leads.attribution import Provenance

PAUSE = timedelta(minutes=30)
VISIT, CLICK = "visit", "click"
OPENS = (VISIT, CLICK)  # kinds of touches that sessions have
CLICKED = "email.clicked"
SOURCE, MEDIUM = "lifecycle", "email"
LONGEST_SEQUENCE, LONGEST_MAIL = 90, 160

Moment = tuple[datetime, int]


class Happened(Protocol):
    """An event; its id says which of two at the same moment came first."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def properties(self) -> dict[str, Any]: ...
    @property
    def occurred_at(self) -> datetime: ...


class Known(NamedTuple):
    """A touch that is stored already. `carried`: its UTM values and click ids."""

    at: datetime
    event_id: int | None
    carried: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a person around the acts in question: all views and clicks, the acts among them, and touches."""

    moments: Sequence[Moment] = ()
    touches: Sequence[Known] = ()


@dataclass(frozen=True, slots=True)
class NewTouch:
    event_id: int
    kind: str
    occurred_at: datetime
    provenance: Provenance = field(default_factory=Provenance)
    sequence: str = ""
    mail: str = ""


def is_view(kind: str, properties: Mapping[str, Any]) -> bool:
    """Whether the event says which page of the website it was on. Without an address there is nothing to attribute."""
    context = properties.get("context")
    page = context.get("page") if isinstance(context, dict) else None
    if isinstance(page, dict) and isinstance(page.get("url"), str):
        return bool(page["url"])
    url = properties.get("url") if kind.endswith(".viewed") else None
    return isinstance(url, str) and bool(url)


def is_click(kind: str, properties: Mapping[str, Any]) -> bool:
    return kind == CLICKED and properties.get("human") is True


def begins(moments: Sequence[Moment], moment: Moment) -> bool:
    """Whether nothing happened in the half hour before this moment. `moments` are in order."""
    place = bisect_left(moments, moment)
    return place == 0 or moments[place - 1][0] <= moment[0] - PAUSE


def touches(acts: Iterable[Happened], past: Past) -> list[NewTouch]:
    """The touches that these views and clicks of one person make, in their order; those stored already are left out."""
    moments = sorted(past.moments)
    known = sorted(past.touches, key=_place)
    stored = {touch.event_id for touch in known}
    found: list[NewTouch] = []
    session: Mapping[str, str] = {}
    seen = 0
    for act in sorted(acts, key=lambda act: (act.occurred_at, act.id)):
        while seen < len(known) and _place(known[seen]) <= (act.occurred_at, act.id):
            session, seen = known[seen].carried, seen + 1
        if act.id in stored:
            continue
        if begins(moments, (act.occurred_at, act.id)) or _differs(_carried(act), session):
            made = _touch(act)
            found.append(made)
            session = carried_by(made.provenance)
    return found


def carried_by(provenance: Provenance) -> dict[str, str]:
    """What a touch of this provenance carries, in the words of `attribution.carried`."""
    return carried([getattr(provenance, part) for part in attribution.PARTS], provenance.click_ids)


def carried(values: Iterable[str], click_ids: Mapping[str, str]) -> dict[str, str]:
    """What a touch with these columns carries: UTM values in the order of `attribution.PARTS`, and click ids."""
    return {part: value for part, value in zip(attribution.PARTS, values, strict=True) if value} | dict(click_ids)


def _place(touch: Known) -> Moment:
    return touch.at, touch.event_id or 0


def _differs(own: Mapping[str, str], session: Mapping[str, str]) -> bool:
    return any(session.get(name) != value for name, value in own.items())


def _carried(act: Happened) -> dict[str, str]:
    if act.kind == CLICKED:
        return carried_by(_clicked(act.properties)[0])
    return attribution.carried(attribution.of_view(act.properties))


def _touch(act: Happened) -> NewTouch:
    if act.kind == CLICKED:
        provenance, sequence, mail = _clicked(act.properties)
        return NewTouch(act.id, CLICK, act.occurred_at, provenance, sequence, mail)
    read = attribution.read(attribution.of_view(act.properties))
    return NewTouch(act.id, VISIT, act.occurred_at, read)


def _clicked(properties: Mapping[str, Any]) -> tuple[Provenance, str, str]:
    """A click in our own mail: its provenance, the sequence or broadcast, and the mail.

    What the address it led to says of itself wins, as the page view that follows will say the same.
    """
    landed = properties.get("landed") or properties.get("url")
    said = attribution.carried({"page_url": landed})
    sequence, step = str(properties.get("sequence") or ""), str(properties.get("step") or "")
    template, campaign = str(properties.get("template") or ""), sequence
    if broadcast := properties.get("broadcast"):
        sequence, step, campaign = f"broadcast:{broadcast}", template, str(broadcast)
    ours = {"source": SOURCE, "medium": MEDIUM, "campaign": campaign or template, "content": step or template}
    utm = {f"utm_{part}": said.get(part) or ours.get(part, "") for part in attribution.PARTS}
    provenance = replace(attribution.read({"page_url": landed, **utm}), device=str(properties.get("device") or "")[:10])
    mail = f"{sequence}/{step}" if sequence and step else template
    return provenance, sequence[:LONGEST_SEQUENCE], mail[:LONGEST_MAIL]
