"""The only table of the composition root: when named things last happened."""

from django.db import models


class Moment(models.Model):
    """The last time a named thing happened: the engine's tick, the loading of the playbooks. One row a name."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
