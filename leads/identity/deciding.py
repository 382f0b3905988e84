"""Who is whom after some calls, decided on values alone. Pure: no query, no clock.

The rules are in docs/identity.md. In short: what nobody owns joins whoever a call names it with; what somebody owns
stays theirs, and two people whom a call names together are shown to a person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from leads.visitors import Known

USER, BROWSER, ALIAS = (
    "a user id of the one came with the address of the other",
    "the two used one browser",
    "an alias call named the two as one user",
)


class Naming(NamedTuple):
    """What an identify or alias call says: these visitors are one, and this lead if it names an address."""

    visitor_id: int
    lead_id: int | None = None
    browser_id: int | None = None
    previous_ids: tuple[int, ...] = ()


@dataclass(slots=True)
class Circle:
    """Visitors that are linked, and the lead they belong to, if any."""

    members: set[int]
    lead_id: int | None = None


@dataclass(slots=True)
class Decided:
    """What is to be written: links of visitors, whom visitors turn out to be, and pairs to be looked at."""

    links: dict[int, int] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    suspects: list[tuple[int, int, str]] = field(default_factory=list)


class Decider:
    """Takes namings one after the other; `decided` is what came of all of them."""

    def __init__(self, known: Iterable[Known]) -> None:
        visitors = {visitor.id: visitor for visitor in known}
        self.decided = Decided()
        self._links = {visitor.id: visitor.same_as_id for visitor in visitors.values()}
        self._users = {visitor.id for visitor in visitors.values() if visitor.user_id is not None}
        self._circles = {visitor_id: Circle({visitor_id}) for visitor_id in visitors}
        for visitor in visitors.values():
            if visitor.same_as_id in visitors:
                self._unite(visitor.id, visitor.same_as_id)
        for (
            visitor
        ) in visitors.values():  # a circle of several leads is what an undone merge leaves; the lowest owns it
            circle = self._circles[visitor.id]
            if visitor.lead_id is not None:
                circle.lead_id = min(circle.lead_id or visitor.lead_id, visitor.lead_id)
        self._owned = {visitor.id for visitor in visitors.values() if visitor.lead_id is not None}

    def owner(self, visitor_id: int) -> int | None:
        """The lead that this visitor is, as far as the calls so far say."""
        return self._circles[visitor_id].lead_id

    def name(self, call: Naming) -> bool:
        """Take in what a call says; False when it contradicts what is known, and so joins nothing."""
        circle = self._circles[call.visitor_id]
        if call.lead_id is not None:
            if circle.lead_id not in (None, call.lead_id):
                self._suspect(circle.lead_id, call.lead_id, USER)
                return False
            self._give(circle, call.lead_id)
        for previous_id in call.previous_ids:
            self._link(previous_id, call.visitor_id, ALIAS)
        if call.browser_id is not None:
            self._link(call.browser_id, call.visitor_id, BROWSER)
        return True

    def _link(self, one: int, user: int, reason: str) -> None:
        """One visitor is this user: linked, unless it is somebody else's already."""
        mine, theirs = self._circles[user], self._circles[one]
        if mine is theirs:
            return
        if mine.lead_id is not None and theirs.lead_id is not None and mine.lead_id != theirs.lead_id:
            self._suspect(mine.lead_id, theirs.lead_id, reason)
        elif self._links[one] is None and user in self._users:
            self._links[one] = self.decided.links[one] = user
            lead_id = mine.lead_id if mine.lead_id is not None else theirs.lead_id
            self._unite(one, user)
            if lead_id is not None:
                self._give(self._circles[user], lead_id)

    def _unite(self, one: int, other: int) -> None:
        small, large = sorted((self._circles[one], self._circles[other]), key=lambda circle: len(circle.members))
        if small is large:
            return
        large.members |= small.members
        large.lead_id = large.lead_id if large.lead_id is not None else small.lead_id
        for visitor_id in small.members:
            self._circles[visitor_id] = large

    def _give(self, circle: Circle, lead_id: int) -> None:
        circle.lead_id = lead_id
        for visitor_id in circle.members - self._owned:
            self.decided.owners[visitor_id] = lead_id
        self._owned |= circle.members

    def _suspect(self, one: int | None, other: int | None, reason: str) -> None:
        if one is not None and other is not None:
            self.decided.suspects.append((one, other, reason))


def decide(known: Iterable[Known], calls: Sequence[Naming]) -> Decided:
    """What these calls, in their order, say of these visitors."""
    decider = Decider(known)
    for call in calls:
        decider.name(call)
    return decider.decided
