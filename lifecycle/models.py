"""The only table of the composition root: when the engine last ran."""

from django.db import models


class Tick(models.Model):
    """The last time a periodic part of the engine finished; one row a name, overwritten in place."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M:%S}"
