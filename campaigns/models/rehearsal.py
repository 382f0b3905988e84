from django.conf import settings
from django.db import models
from django.db.models import Q

from campaigns.models.sequence import SequenceVersion


class RehearsalRun(models.Model):
    """Somebody's question what a version would have done in a period, and the answer.

        waiting ──> running ──> done | failed

    A worker holds it by a lease; one whose worker died is taken up again.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    OPEN = (State.WAITING, State.RUNNING)

    version = models.ForeignKey(SequenceVersion, on_delete=models.CASCADE, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State, default=State.WAITING, editable=False)
    progress = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Per cent of the people.")
    result = models.JSONField(null=True, editable=False)
    error = models.CharField(max_length=500, blank=True, editable=False)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    asked_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = "rehearsal"
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["waiting", "running"]), name="rehearsal_open"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=models.F("since")), name="rehearsal_has_a_length"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False), name="rehearsal_done_has_a_result"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} over {(self.until - self.since).days} days"
