"""Keys of programs, and the counts by which floods are told from visitors."""

import hashlib
import hmac
from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from lifecycle.core import sql

USE_NOTED_EVERY = timedelta(minutes=1)
_NOTE_USE = "UPDATE api_apikey SET last_used_at = %b WHERE id = %b"


class Scope(models.TextChoices):
    LEADS_READ = "leads:read", "Read leads and what happened to them"
    LEADS_WRITE = "leads:write", "Create and change leads"
    EVENTS_WRITE = "events:write", "Record events"
    SEQUENCES_WRITE = "sequences:write", "Enrol leads in sequences"
    REPORTS_READ = "reports:read", "Read reports"
    TRACK_WRITE = "track:write", "Send tracking calls (identify, track, page …)"


class ApiKey(models.Model):
    """What a program may do. The key itself is shown once; only its hash is kept."""

    name = models.CharField(max_length=120, help_text="Which program uses it, so that you dare to revoke it.")
    prefix = models.CharField(max_length=12, unique=True, editable=False, help_text="The key's public part.")
    hash = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the whole key.")
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    allowed_origins = ArrayField(
        models.CharField(max_length=200),
        default=list,
        blank=True,
        help_text="Websites whose pages carry the key: https://www.example.com. Such a key is public: it may say what "
        "a visitor does, but is not believed about payments, meetings and subscriptions. Empty: a server's key.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"
        constraints = [models.CheckConstraint(condition=~Q(scopes=[]), name="api_key_may_do_something")]

    def __str__(self) -> str:
        return self.name

    def is_the_key(self, text: str) -> bool:
        """Whether `text` is this key, in constant time."""
        return hmac.compare_digest(self.hash, hash_of(text))

    def is_over(self, now: datetime) -> bool:
        """Revoked or expired."""
        return self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now)

    def note_use(self, now: datetime) -> None:
        """Remember the use, with at most one write a minute."""
        if self.last_used_at is None or self.last_used_at <= now - USE_NOTED_EVERY:
            sql.execute(_NOTE_USE, [now, self.pk])


class RejectedCall(models.Model):
    """A tracking call that was not taken, so that its sender can be mended. Kept for two weeks."""

    key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="rejected_calls")
    call = models.CharField(max_length=20, blank=True, help_text="identify, track, page …")
    message_id = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=300)
    body = models.TextField(blank=True, help_text="The call as it came, the first 2,000 characters.")
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.call}: {self.reason}"


class ThrottleCount(models.Model):
    """Requests of one bucket in one window, over all web processes. The table is unlogged: a crash forgets it."""

    bucket = models.CharField(primary_key=True, max_length=64, help_text="Keyed hash; no address is stored.")
    count = models.PositiveIntegerField()
    ends_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.bucket[:8]}… {self.count}"


def hash_of(text: str) -> str:
    """Keys are random over 192 bits, so one round of SHA-256 keeps them; passwords would need more."""
    return hashlib.sha256(text.encode()).hexdigest()
