"""The tables of the composition root: when named things last happened, and who let an installation send."""

import pgtrigger
from django.db import models


class Moment(models.Model):
    """The last time a named thing happened: the engine's tick, the loading of the playbooks. One row a name."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"


class Confirmation(models.Model):
    """Somebody said that this installation may send from this database. Insert-only."""

    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=250, blank=True, help_text="What was in the way.")
    before = models.UUIDField(null=True)
    after = models.UUIDField()

    class Meta:
        ordering = ["-id"]
        triggers = [pgtrigger.Protect(name="insert_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.by} at {self.at:%Y-%m-%d %H:%M}"
