"""What other systems told us, as it came in; and the generic doors that people set up themselves."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from leads.models import Lead
from leads.models.event import KIND


class WebhookSource(models.Model):
    """A system that signs its webhooks as Standard Webhooks says, with a door of its own: /webhooks/in/SLUG/."""

    slug = models.SlugField(max_length=60, unique=True, help_text="In the address: /webhooks/in/SLUG/")
    name = models.CharField(max_length=120)
    secret = models.TextField(help_text="whsec_…; encrypted at rest.", editable=False)
    former_secret = models.TextField(
        blank=True, default="", editable=False, help_text="Still accepted while the other side is changed over."
    )
    kind_path = models.CharField(
        max_length=200, default="type", help_text="Where a body names its kind of event: type, or data.event.name"
    )
    is_active = models.BooleanField(default=True, help_text="Off: everything that comes is refused.")
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class WebhookRule(models.Model):
    """One kind of another system's events, and what it means here. Without a rule an event is kept and does nothing."""

    source = models.ForeignKey(WebhookSource, on_delete=models.CASCADE, related_name="rules")
    kind = models.CharField("their kind", max_length=120, help_text="As the other system names it: user.upgraded")
    event_kind = models.CharField("our event", max_length=100, validators=[KIND], help_text="plan.upgraded")
    email_path = models.CharField(max_length=200, help_text="Where the person's address is: data.user.email")
    occurred_at_path = models.CharField(
        max_length=200, blank=True, help_text="Where it says when it happened; empty: when it came."
    )
    key_path = models.CharField(
        max_length=200, blank=True, help_text="What names the fact, if it may be told twice; empty: each call is one."
    )
    properties = models.JSONField(
        default=dict, blank=True, help_text='Our property → where it is: {"plan": "data.plan.name"}'
    )
    fields = models.JSONField(
        default=dict, blank=True, help_text='Field of the lead → where it is: {"first_name": "data.user.given_name"}'
    )
    creates_leads = models.BooleanField(
        default=True, help_text="Off: events of addresses that we do not know are kept and do nothing."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["source", "kind"]
        constraints = [models.UniqueConstraint(fields=["source", "kind"], name="webhook_rule_once_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind} → {self.event_kind}"


class AnswerRule(models.Model):
    """An answer that somebody gives when they book in Calendly, and the field of the lead that it fills."""

    question = models.CharField(
        max_length=200, help_text="The question or a part of it, as “company size”; capitals make no difference."
    )
    event_name = models.CharField(
        "event type",
        max_length=200,
        blank=True,
        help_text="Only for bookings of the event type with this name in Calendly; empty: for all of them.",
    )
    target = models.CharField(max_length=80, help_text="A field of the lead, or attributes.NAME")
    only_if_empty = models.BooleanField(
        "only if nothing is known",
        default=True,
        help_text="Off: the answer of the newest booking replaces what is known of the person.",
    )
    position = models.PositiveSmallIntegerField(
        default=100, help_text="Lower comes first; of several answers for one field the first counts."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["question", "event_name", "target"], name="answer_rule_once"),
        ]

    def __str__(self) -> str:
        return f"{self.question} → {self.target}"


class InboxEvent(models.Model):
    """One webhook as it came, verified and stored before it was answered.

    waiting ──> done | ignored          parked: its parent is not known yet, tried again when that comes or at `due_at`
        └─> parked ─┘   └─> dead        dead: failed too often; a person replays it
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        PARKED = "parked", "Parked"
        DONE = "done", "Done"
        IGNORED = "ignored", "Ignored"
        DEAD = "dead", "Dead"

    provider = models.CharField(max_length=80, help_text="calendly, stripe, zoom, or webhook:SLUG")
    key = models.CharField(max_length=200, help_text="What the sender's event is known by; the same twice is one row.")
    kind = models.CharField(max_length=120, help_text="As the sender names it.")
    body = models.BinaryField(help_text="The bytes as they came; emptied after a while.")
    occurred_at = models.DateTimeField(null=True, help_text="As the sender says.")
    received_at = models.DateTimeField()
    copies = models.PositiveIntegerField(default=1, db_default=1, help_text="How often it came.")

    state = models.CharField(max_length=7, choices=State, default=State.WAITING, db_default="waiting")
    due_at = models.DateTimeField(help_text="When it is tried (again).")
    waits_for = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Of a parked event: the name of what is missing.",
    )
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    outcome = models.CharField(
        max_length=250, blank=True, default="", db_default="", help_text="What it did, or why it did nothing."
    )
    error = models.TextField(blank=True, default="", db_default="", help_text="The last failure's traceback.")
    closed_at = models.DateTimeField(null=True, help_text="When it was done, ignored or given up.")
    lease_until = models.DateTimeField(null=True, help_text="While somebody fetches what it needs from outside.")

    lead = models.ForeignKey(
        Lead, null=True, blank=True, on_delete=models.SET_NULL, related_name="inbox_events", db_index=False
    )
    address_hash = models.CharField(
        max_length=32, blank=True, default="", db_default="", help_text="Of the person it tells of; erasing finds it."
    )
    named = ArrayField(
        models.TextField(),
        null=True,
        editable=False,
        help_text="Hashes of the addresses in the body (`naming`), for erasing; null until it was read for them.",
    )

    class Meta:
        ordering = ["-id"]
        permissions = [("replay_inboxevent", "Can replay inbox events")]
        constraints = [
            models.UniqueConstraint(fields=["provider", "key"], name="inbox_once_per_key"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "parked"], closed_at__isnull=True)
                | Q(state__in=["done", "ignored", "dead"], closed_at__isnull=False),
                name="inbox_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["waiting", "parked"]), name="inbox_due"),
            models.Index(fields=["waits_for"], condition=Q(state="parked"), name="inbox_parked_for"),
            models.Index(fields=["provider", "-received_at"], name="inbox_last_of_provider"),
            models.Index(fields=["lead", "-id"], condition=Q(lead__isnull=False), name="inbox_of_lead"),
            models.Index(fields=["address_hash"], condition=~Q(address_hash=""), name="inbox_by_address"),
            GinIndex(fields=["named"], name="inbox_named"),
            models.Index(fields=["id"], condition=Q(named__isnull=True) & ~Q(body=b""), name="inbox_unread"),
            models.Index(fields=["closed_at"], condition=Q(state="dead"), name="inbox_dead"),
            # Three for the admin's list: its filters, and its search for a kind.
            models.Index(
                fields=["state", "-id"],
                condition=Q(state__in=["waiting", "parked", "dead"]),
                name="inbox_unfinished",
            ),
            models.Index(fields=["kind", "-id"], name="inbox_of_kind"),
            models.Index(fields=["received_at"], name="inbox_of_days"),
            models.Index(
                fields=["closed_at"], condition=Q(closed_at__isnull=False) & ~Q(body=b""), name="inbox_to_forget"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"


class RefusedCall(models.Model):
    """Calls that a door refused, counted by provider, reason and hour: no row a call, as anybody can make them."""

    provider = models.CharField(max_length=80)
    code = models.CharField(max_length=40, help_text="bad_signature, too_old, no_secret, malformed, too_large …")
    hour = models.DateTimeField()
    times = models.PositiveIntegerField(default=1, db_default=1)
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-hour"]
        constraints = [models.UniqueConstraint(fields=["provider", "code", "hour"], name="refused_once_per_hour")]

    def __str__(self) -> str:
        return f"{self.provider}: {self.code}"
