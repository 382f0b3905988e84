"""What the address of the hot queue asks for: whose leads, how engaged, which name, which page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from leads.models.lead import Tier
from lifecycle.reports.hot_leads import Whose, hot_queue

QUEUES: dict[Whose, str] = {"all": "All hot leads", "mine": "Mine", "unassigned": "Nobody's yet"}
TIERS = {"": "Any engagement", **dict(Tier.choices)}


@dataclass(frozen=True, slots=True)
class Asked:
    whose: Whose
    tier: str
    search: str
    page: int

    @classmethod
    def of(cls, request: HttpRequest) -> "Asked":
        """What does not read is as if it were not there."""
        given = request.GET
        whose: Whose = next((name for name in QUEUES if name == given.get("whose")), "all")
        tier, number = given.get("tier", ""), given.get("page", "")
        return cls(
            whose=whose,
            tier=tier if tier in TIERS else "",
            search=given.get("q", "").strip()[:100],
            page=int(number) if number.isdecimal() and len(number) < 7 else 1,
        )

    def answer(self, user: AbstractBaseUser) -> dict[str, Any]:
        queue = hot_queue(whose=self.whose, user_id=user.pk, search=self.search, tier=self.tier, page=self.page)
        return {"queue": queue, "tabs": [(name, title, queue.counts[name]) for name, title in QUEUES.items()]}

    def shown(self) -> dict[str, Any]:
        narrowed = {name: value for name, value in (("q", self.search), ("tier", self.tier)) if value}
        return {
            "whose": self.whose,
            "tiers": TIERS.items(),
            "tier": self.tier,
            "tier_named": TIERS[self.tier].lower(),
            "search": self.search,
            "narrowed": urlencode(narrowed),
        }
