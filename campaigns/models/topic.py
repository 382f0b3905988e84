from django.db import models


class Topic(models.Model):
    """A kind of marketing mail that a person can switch off on the preference page."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=250, blank=True, help_text="Shown to the person, in plain words.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name
