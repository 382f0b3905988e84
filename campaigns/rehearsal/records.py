"""What a rehearsal notes of one person: runs, mails, and what did not come about. Plain values."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Mail:
    """A mail of a rehearsed run, as `campaigns.Message` would hold it. `settled_at`: when it was sent, or dropped."""

    id: int
    run: "Run"
    step_key: str
    variant_key: str
    is_marketing: bool
    topic_id: int | None
    queued_at: datetime
    due_at: datetime
    expires_at: datetime | None = None
    is_shadow: bool = False
    state: str = "ready"
    reason: str = ""
    settled_at: datetime | None = None
    waits: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    crowded_by: tuple[str, ...] = ()

    def close(self, state: str, reason: str, at: datetime) -> None:
        self.state, self.reason, self.settled_at = state, reason, at


@dataclass(slots=True)
class Run:
    """A rehearsed run, as `campaigns.Enrollment` would hold it."""

    id: int
    key: str
    entered_at: datetime
    because: str
    goal_since: datetime
    step_key: str
    step_since: datetime
    due_at: datetime | None
    depth: int = 0
    is_holdout: bool = False
    is_waiting: bool = False
    context: dict[str, Any] = field(default_factory=dict)
    lineage: tuple[str, ...] = ()
    ended_at: datetime | None = None
    exit_reason: str = ""
    merged: int = 0
    mails: list[Mail] = field(default_factory=list)
    notes: list[tuple[datetime, str, str]] = field(default_factory=list)

    @property
    def is_active(self) -> bool:
        return self.ended_at is None


@dataclass(slots=True)
class Record:
    """One person's period. `refusals`: (when, reason); `effects`: (when, what a step did beside mailing)."""

    lead_id: int
    runs: list[Run] = field(default_factory=list)
    refusals: list[tuple[datetime, str]] = field(default_factory=list)
    merged: int = 0
    met_again: int = 0
    waiting: int = 0
    effects: list[tuple[datetime, str]] = field(default_factory=list)
    would_replace: list[str] = field(default_factory=list)
    would_refuse: list[str] = field(default_factory=list)
    crowds: list[str] = field(default_factory=list)
    answers_left_out: int = 0

    @property
    def mails(self) -> list[Mail]:
        return [mail for run in self.runs for mail in run.mails]
