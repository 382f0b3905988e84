"""One mail to many people at one moment: once, or again and again by a crontab."""

from datetime import timedelta

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django_celery_beat.models import CrontabSchedule

from campaigns.models.template import EmailTemplate
from leads.models import Segment


class Broadcast(models.Model):
    """What is sent to whom and when. Each sending of it is a `BroadcastRun`."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    note = models.CharField(
        max_length=250, blank=True, editable=False, help_text="Why it stands still, if nobody said so by hand."
    )
    template = models.ForeignKey(
        EmailTemplate,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="broadcasts",
        help_text="The mail. Empty: the mails listed below.",
    )
    in_turn = models.BooleanField(
        default=False,
        verbose_name="one mail each time",
        help_text="Recurring: each time the next of the mails below, until all were sent. Off: they are variants.",
    )
    segment = models.ForeignKey(
        Segment,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="broadcasts",
        help_text="Empty: everybody.",
    )
    excluded_segments = models.ManyToManyField(
        Segment, blank=True, related_name="+", help_text="Who is in one of these is left out."
    )
    excluded_rule = models.JSONField(
        null=True, blank=True, help_text="Rule: whom it fits is left out. Empty: nobody else."
    )
    priority = models.SmallIntegerField(default=0, help_text="Higher goes first under the cap.")
    send_at = models.DateTimeField(null=True, blank=True, help_text="One-off: when. Empty and no crontab: at once.")
    crontab = models.ForeignKey(
        CrontabSchedule,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Recurring: its days and hours. Empty: sent once.",
    )
    window = models.JSONField(null=True, blank=True, help_text="Send window on the person's clock, as in sequences.")
    late_after = models.DurationField(
        null=True, blank=True, help_text="Skip a mail that is later than this. Empty: send it late."
    )
    per_hour = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="At most so many mails an hour. Empty: as fast as it goes.",
    )
    test_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(90)],
        help_text="Share that tries the variants first; the others get the winner. 0: all variants to everybody.",
    )
    test_wait = models.DurationField(
        default=timedelta(hours=4), help_text="How long the variants are tried before the winner goes to the others."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    scheduled_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When it was set going.")

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["status"], condition=Q(status="scheduled"), name="broadcast_scheduled")]
        constraints = [
            models.CheckConstraint(
                condition=Q(send_at__isnull=True) | Q(crontab__isnull=True), name="broadcast_is_one_off_or_recurring"
            )
        ]

    def __str__(self) -> str:
        return self.name


class BroadcastVariant(models.Model):
    """One of several mails of a broadcast: a variant chosen by a stable hash of the lead, or one of a series."""

    broadcast = models.ForeignKey(Broadcast, on_delete=models.CASCADE, related_name="variants")
    key = models.SlugField(max_length=20)
    position = models.PositiveSmallIntegerField(default=0, help_text="Its place in a series.")
    weight = models.PositiveSmallIntegerField(default=50, help_text="Its share among variants.")
    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=250, blank=True, help_text="Instead of the mail's own subject.")

    class Meta:
        ordering = ["broadcast", "position", "key"]
        constraints = [models.UniqueConstraint(fields=["broadcast", "key"], name="variant_key_once_per_broadcast")]

    def __str__(self) -> str:
        return f"{self.key} ({self.weight})"


class BroadcastRun(models.Model):
    """One sending of a broadcast. It is done when none of its messages is open any more.

    queuing ──> testing ──> sending ──> done
       └───────────────────────┘  └──> stopped
    missed: found too late to be worth it; nobody got it.
    """

    class State(models.TextChoices):
        QUEUING = "queuing", "Queuing"
        TESTING = "testing", "Testing variants"
        SENDING = "sending", "Sending"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"
        MISSED = "missed", "Missed"

    OPEN = (State.QUEUING, State.TESTING, State.SENDING)

    broadcast = models.ForeignKey(Broadcast, on_delete=models.PROTECT, related_name="runs")
    occurs_at = models.DateTimeField(help_text="The moment it was meant for: one run each, whatever is repeated.")
    state = models.CharField(max_length=7, choices=State, default=State.QUEUING)
    reason = models.CharField(max_length=250, blank=True, help_text="Why it was stopped, missed or late.")
    paused_at = models.DateTimeField(null=True)
    window = models.JSONField(null=True, help_text="The broadcast's send window at the start.")
    queued_to = models.BigIntegerField(default=0, help_text="Leads up to this id are queued; moves with their rows.")
    tested = models.PositiveIntegerField(default=0, help_text="Recipients who try the variants.")
    recipients = models.PositiveIntegerField(default=0)
    excluded = models.PositiveIntegerField(default=0, help_text="In the segment, but left out by an exclusion.")
    variants = models.JSONField(default=list, help_text="As they were at the start: [{key, weight, version, subject}].")
    started_at = models.DateTimeField()
    decide_at = models.DateTimeField(null=True, help_text="When the winner of the variants is chosen.")
    winner_key = models.CharField(max_length=20, blank=True)
    winner_reason = models.CharField(max_length=250, blank=True)
    done_at = models.DateTimeField(null=True)
    counts = models.JSONField(
        default=dict, help_text="Recipients by state, those held, and who clicked, as of `counted_at`."
    )
    counted_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-occurs_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["broadcast", "occurs_at"], name="broadcast_once_per_occurrence")]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(state__in=["queuing", "testing", "sending"]), name="broadcast_run_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.broadcast} of {self.occurs_at:%Y-%m-%d %H:%M}"


class BroadcastChange(models.Model):
    """One line of a broadcast's audit: who did what, when. The system's own steps have no actor. Insert-only."""

    broadcast = models.ForeignKey(Broadcast, on_delete=models.CASCADE, related_name="changes")
    run = models.ForeignKey(BroadcastRun, null=True, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    action = models.CharField(max_length=20)
    reason = models.CharField(max_length=250, blank=True)
    detail = models.JSONField(default=dict, help_text="How many it touched.")

    class Meta:
        ordering = ["-id"]
        # Somebody who left the company may be deleted; what they did stays.
        triggers = [
            pgtrigger.Protect(
                name="insert_only_update", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(exclude=["actor"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} at {self.at:%Y-%m-%d %H:%M}"
