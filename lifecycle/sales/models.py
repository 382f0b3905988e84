"""What sales is told and has to do, who gets a lead, and the meetings. Deals and notes come with the sales console."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from leads.models import Lead


class AssignmentRule(models.Model):
    """Gives a lead without an owner to the next rep of its pool. The first active rule that fits wins."""

    name = models.CharField(max_length=120)
    condition = models.JSONField(default=dict, blank=True, help_text="In the rule language; empty fits every lead.")
    reps = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+", help_text="Taken in turn.")
    position = models.PositiveSmallIntegerField(default=0)
    turns = models.PositiveIntegerField(
        default=0, editable=False, help_text="Leads given so far; picks whose turn it is."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """One thing a rep must know now, delivered by mail and shown in the console.

    ready ──> sending ──> sent | failed
    """

    class Kind(models.TextChoices):
        HOT = "hot", "Hot lead"
        SQL = "sql", "Sales qualified"
        NOTICE = "notice", "From a sequence"

    class State(models.TextChoices):
        READY = "ready", "Ready"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    key = models.CharField(
        max_length=120, unique=True, help_text="event:812: one alert per event, whatever is repeated."
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=6, choices=Kind)
    headline = models.CharField(max_length=200)
    reasons = models.JSONField(default=list, help_text="Sentences: why now.")
    to_email = models.EmailField(help_text="The owner, else SALES_EMAIL.")
    state = models.CharField(max_length=7, choices=State, default=State.READY)
    attempts = models.PositiveSmallIntegerField(default=0)
    detail = models.CharField(max_length=250, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="ready"), name="alert_ready_by_due"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="alert_lease"),
        ]

    def __str__(self) -> str:
        return self.headline


class Task(models.Model):
    """Something a rep has to do about a lead: by hand, or because a sequence asks for it."""

    key = models.CharField(
        max_length=120, unique=True, null=True, blank=True, editable=False, help_text="event:812: one task per event."
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=250)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="tasks"
    )
    source = models.CharField(max_length=120, blank=True, help_text="Who asks for it: a sequence and its step.")
    due_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["done_at", "due_at", "id"]
        indexes = [
            models.Index(fields=["owner", "due_at"], condition=Q(done_at__isnull=True), name="task_open_of_owner")
        ]

    def __str__(self) -> str:
        return self.title


class Meeting(models.Model):
    """A booked time with a lead. Moved to another time it is another meeting that `replaces` this one.

    scheduled ──> held | canceled | moved | no_show (a person may still say no_show or held afterwards)

    Given up for a time that is not known yet it stays scheduled until `new_time_until`, then it is canceled; it is
    moved as soon as that time comes, also if it counted as canceled by then.
    """

    class State(models.TextChoices):
        SCHEDULED = "scheduled", "Scheduled"
        HELD = "held", "Held"
        CANCELED = "canceled", "Canceled"
        MOVED = "moved", "Moved"
        NO_SHOW = "no_show", "No-show"

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="meetings")
    provider = models.CharField(max_length=30, help_text="calendly, or manual")
    reference = models.CharField(max_length=250, help_text="What the calendar calls this booking.")
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by"
    )
    state = models.CharField(max_length=9, choices=State, default=State.SCHEDULED)
    event_name = models.CharField(max_length=200, blank=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="The invitee's.")
    location = models.CharField(max_length=500, blank=True, help_text="A link or a place.")
    host_email = models.EmailField(blank=True)
    answers = models.JSONField(default=list, help_text="[{question, answer}] as they were given when booking.")
    cancel_reason = models.CharField(max_length=500, blank=True)
    canceled_by = models.CharField(max_length=200, blank=True)
    is_named_only = models.BooleanField(
        default=False, db_default=False, help_text="Nothing is known of it but that another meeting took its place."
    )
    new_reference = models.CharField(
        max_length=250,
        blank=True,
        default="",
        db_default="",
        help_text="What the calendar calls the time that it was given up for.",
    )
    new_time_until = models.DateTimeField(
        null=True, help_text="How long that is waited for before the meeting counts as canceled."
    )
    booked_at = models.DateTimeField()
    canceled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "reference"], name="meeting_once"),
        ]
        indexes = [
            models.Index(fields=["starts_at"], condition=Q(state="scheduled"), name="meeting_upcoming"),
            models.Index(fields=["lead", "-starts_at"], name="meeting_of_lead"),
            models.Index(
                fields=["new_time_until"],
                condition=Q(state="scheduled", new_time_until__isnull=False),
                name="meeting_waits_for_new_time",
            ),
            models.Index(fields=["new_reference"], condition=~Q(new_reference=""), name="meeting_by_new_reference"),
        ]

    def __str__(self) -> str:
        return self.event_name or self.reference
