"""Imports of people from files: what was asked for, how far it is, and which rows were refused."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class ImportRun(models.Model):
    class State(models.TextChoices):
        UPLOADED = "uploaded", "Columns to be matched"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Checked"
        RUNNING = "running", "Being imported"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped by an error"
        CANCELED = "canceled", "Canceled"

    file = models.FileField(upload_to="imports/", max_length=300)
    file_name = models.CharField(max_length=200)
    source = models.CharField(max_length=60, default="import", help_text="Where the people come from: trade-fair-2026")
    headings = models.JSONField(default=list, db_default=[], help_text="The columns in the file's order.")
    mapping = models.JSONField(
        default=dict, help_text="Column of the file → field, attributes.name, utm_source … or empty."
    )
    updates_known = models.BooleanField(
        default=True, help_text="Fill in what is new of people we know. Off: they are left as they are."
    )
    state = models.CharField(max_length=8, choices=State, default=State.UPLOADED)
    rows = models.PositiveIntegerField(null=True, help_text="Data rows of the file, once they are counted.")
    done = models.PositiveIntegerField(default=0, help_text="Rows looked at; a restart goes on from here.")
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False, help_text="The worker that has it works until then.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "import"
        indexes = [
            models.Index(fields=["created_at"], condition=Q(state__in=["checking", "running"]), name="import_under_way")
        ]

    def __str__(self) -> str:
        return f"{self.file_name} at {self.created_at:%Y-%m-%d %H:%M}"


class ImportRefusal(models.Model):
    """A row that was not taken, with the reason in words."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refusals", db_index=False)
    line = models.PositiveIntegerField(help_text="Of the file, the heading is line 1.")
    reason = models.CharField(max_length=500)
    row = models.JSONField(default=list, help_text="The cells as they were.")

    class Meta:
        ordering = ["run", "line"]
        verbose_name = "refused row"
        constraints = [models.UniqueConstraint(fields=["run", "line"], name="import_refusal_once")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
