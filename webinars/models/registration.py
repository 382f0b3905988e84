from django.db import models
from django.db.models import Q

from leads.models import Lead
from webinars.models.webinar import Webinar


class Registration(models.Model):
    """One person's seat at a webinar, or their place in the queue for one.

    waiting ──> registered ──> canceled (by themselves; with the webinar its own state says so)
    """

    class State(models.TextChoices):
        REGISTERED = "registered", "Registered"
        WAITING = "waiting", "On the waiting list"
        CANCELED = "canceled", "Canceled"

    class Attendance(models.TextChoices):
        UNKNOWN = "", "Not known"
        ATTENDED = "attended", "Attended"
        MISSED = "missed", "Missed"

    webinar = models.ForeignKey(Webinar, on_delete=models.PROTECT, related_name="registrations", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="registrations")
    state = models.CharField(max_length=10, choices=State)
    uid = models.CharField(max_length=120, unique=True, help_text="UID of its calendar entry; the same for ever.")
    sequence = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Its own changes; added to the webinar's for SEQUENCE, so that it only grows.",
    )
    source = models.CharField(max_length=60, help_text="page, form, api, admin, import, zoom")
    organization_type = models.CharField(max_length=120, blank=True, default="", db_default="")
    answers = models.JSONField(default=dict, blank=True, help_text="Further answers and questions they sent.")
    join_url = models.URLField(max_length=500, blank=True, default="", db_default="", help_text="Their own, from Zoom.")
    zoom_registrant_id = models.CharField(max_length=120, blank=True, default="", db_default="")
    zoom_said_at = models.DateTimeField(
        null=True, editable=False, help_text="When Zoom last said whether they are registered there."
    )
    attendance = models.CharField(max_length=8, choices=Attendance, blank=True, default="", db_default="")
    attended_seconds = models.PositiveIntegerField(default=0, db_default=0)
    registered_at = models.DateTimeField(help_text="When they asked; decides the order of the waiting list.")
    seated_at = models.DateTimeField(null=True, help_text="When they got a seat.")
    canceled_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["registered_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["webinar", "lead"], name="registration_once"),
            models.UniqueConstraint(
                fields=["webinar", "zoom_registrant_id"],
                condition=~Q(zoom_registrant_id=""),
                name="registration_once_per_registrant",
            ),
            models.CheckConstraint(
                condition=~Q(state="registered") | Q(seated_at__isnull=False), name="registration_seat_has_time"
            ),
        ]
        indexes = [models.Index(fields=["webinar", "state", "registered_at", "id"], name="registration_in_order")]

    def __str__(self) -> str:
        return f"registration {self.pk}"


class Presence(models.Model):
    """What was told of one stay in a session: both its ends, one of them, or only its length.

    People join and leave many times; `webinars.presences` makes one time of all that.
    """

    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="presences")
    key = models.CharField(max_length=200, help_text="What names the stay where it is told of.")
    source = models.CharField(max_length=20, help_text="zoom, csv, admin")
    connection = models.CharField(
        max_length=120, blank=True, default="", db_default="", help_text="The same for the two ends of a stay."
    )
    joined_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    seconds = models.PositiveIntegerField(null=True, help_text="Of a stay whose times are not known.")

    class Meta:
        ordering = ["joined_at"]
        constraints = [models.UniqueConstraint(fields=["registration", "key"], name="presence_once")]

    def __str__(self) -> str:
        return self.key


class RegistrantSync(models.Model):
    """A registration on its way to Zoom: as it is wanted there, and how far that is.

    When the registration goes with an erased person, the row stays without it until Zoom knows (`syncing.let_go`).
    """

    class State(models.TextChoices):
        READY = "ready", "Ready"
        SENDING = "sending", "Sending"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    registration = models.OneToOneField(Registration, on_delete=models.CASCADE, related_name="sync", null=True)
    state = models.CharField(max_length=7, choices=State, default=State.READY, db_default="ready")
    wants = models.CharField(max_length=6, default="add", db_default="add", help_text="add, or cancel")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    detail = models.CharField(max_length=250, blank=True, default="", db_default="")
    due_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    # What a cancellation needs when nothing else is left of the person; their address only until it is told.
    let_go_at = models.DateTimeField(null=True, editable=False)
    webinar = models.ForeignKey(Webinar, on_delete=models.PROTECT, related_name="+", null=True, editable=False)
    zoom_id = models.CharField(max_length=40, blank=True, default="", db_default="", editable=False)
    registrant_id = models.CharField(max_length=120, blank=True, default="", db_default="", editable=False)
    email = models.CharField(max_length=254, blank=True, default="", db_default="", editable=False)
    address_hash = models.CharField(max_length=32, blank=True, default="", db_default="", editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(registration__isnull=False, webinar__isnull=True, email="")
                | Q(registration__isnull=True, webinar__isnull=False, let_go_at__isnull=False, wants="cancel"),
                name="registrant_sync_of_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="ready"), name="registrant_sync_ready"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"), name="registrant_sync_lease"),
        ]

    def __str__(self) -> str:
        return f"{self.wants} {self.registration_id or 'somebody who is gone'}: {self.state}"
