from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, ExpressionWrapper, F, Q

from leads.models.triggers import write_once
from leads.models.workspace import check_zone

LONGEST = timedelta(hours=24)


class Counter(models.Model):
    """The last number given to a webinar; one row. Taken in the webinar's own transaction, so no number is lost."""

    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="webinar_counter_is_one_row")]

    def __str__(self) -> str:
        return str(self.last)


class WebinarQuerySet(models.QuerySet["Webinar"]):
    def upcoming(self, now: datetime) -> "WebinarQuerySet":
        """Open for registration and not over at `now`, the next one first."""
        lasts = ExpressionWrapper(F("minutes") * timedelta(minutes=1), output_field=models.DurationField())
        ends = ExpressionWrapper(F("starts_at") + lasts, output_field=models.DateTimeField())
        recent = self.filter(state=Webinar.State.OPEN, starts_at__gt=now - LONGEST)
        return recent.annotate(finishes_at=ends).filter(finishes_at__gt=now).order_by("starts_at", "pk")

    def public(self, code: str) -> "WebinarQuerySet":
        """The one of this code, however it is written, unless it is a draft."""
        return self.filter(code=code.upper()).exclude(state=Webinar.State.DRAFT)

    def counted(self) -> "WebinarQuerySet":
        """With how many have a seat (`seated`), wait (`waiting`) and were there (`attended`)."""
        state = Q(registrations__state="registered")
        return self.annotate(
            seated=Count("registrations", filter=state),
            waiting=Count("registrations", filter=Q(registrations__state="waiting")),
            attended=Count("registrations", filter=Q(registrations__attendance="attended")),
        )


class Webinar(models.Model):
    """A live session. Never deleted: its code stands in people's history; it is canceled."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        OPEN = "open", "Open for registration"
        CANCELED = "canceled", "Canceled"

    code = models.CharField(max_length=12, unique=True, editable=False, help_text="WB001, WB002 … given in turn.")
    title = models.CharField(max_length=200)
    summary = models.CharField(max_length=300, blank=True, help_text="One sentence: in invitations and previews.")
    description = models.TextField(blank=True, help_text="On the page; an empty line makes a paragraph.")
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    starts_at = models.DateTimeField()
    minutes = models.PositiveSmallIntegerField(
        "length in minutes", default=60, validators=[MinValueValidator(5), MaxValueValidator(24 * 60)]
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", validators=[check_zone], help_text="The one that mails and the page speak of."
    )
    capacity = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Seats; empty: as many as come."
    )
    join_url = models.URLField(
        "join link", max_length=500, blank=True, help_text="Everybody's, unless Zoom gives each their own."
    )
    survey_url = models.CharField(
        "survey link",
        max_length=500,
        blank=True,
        help_text="With {email}, {phone}, {first_name}, {last_name}, {webinar} where they belong.",
    )
    recording_url = models.URLField("recording", max_length=500, blank=True, help_text="Shown on the page afterwards.")
    zoom_id = models.CharField("Zoom webinar id", max_length=40, blank=True, help_text="11 digits, without spaces.")
    attended_after = models.PositiveSmallIntegerField(
        "minutes to have attended",
        default=10,
        db_default=10,
        help_text="Who was there for at least so long, all stays together, attended; everybody else missed it.",
    )
    began_at = models.DateTimeField(null=True, editable=False, help_text="When it was last started, as Zoom tells.")
    over_at = models.DateTimeField(null=True, editable=False, help_text="When it last ended, as Zoom tells.")
    attendance_known_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was settled who attended and who missed it."
    )
    zoom_said_at = models.DateTimeField(null=True, editable=False, help_text="When Zoom last told of its time.")
    zoom_gone_at = models.DateTimeField(null=True, editable=False, help_text="When it was deleted in Zoom.")
    sequence = models.PositiveIntegerField(
        default=0, editable=False, help_text="SEQUENCE of its invitations: grows with each change of time or state."
    )
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = WebinarQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["zoom_id"], condition=~Q(zoom_id=""), name="webinar_once_per_zoom_id"),
        ]
        indexes = [models.Index(fields=["state", "starts_at"], name="webinar_upcoming")]
        triggers = [write_once("code", empty="")]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


class Speaker(models.Model):
    webinar = models.ForeignKey(Webinar, on_delete=models.CASCADE, related_name="speakers")
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=160, blank=True, help_text="What they do, and where.")
    bio = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return self.name
