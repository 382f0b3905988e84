from django.db import models

from leads.models.lead import Lead


class Segment(models.Model):
    """A named rule; its members are kept by difference, so entering and leaving are events."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    rule = models.JSONField(default=dict, help_text="In the rule language.")
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Grows with each change of the rule.")
    member_count = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    refreshed_at = models.DateTimeField(null=True, editable=False, help_text="When all people were last looked at.")
    built_to = models.BigIntegerField(
        null=True, editable=False, help_text="While everybody is being looked at: done up to this lead."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def renew(self) -> None:
        """Another rule from now on: a new version, whose members the next refresh finds. Save the row afterwards."""
        self.version += 1
        self.look_again()

    def look_again(self) -> None:
        """Let the next tick look at everybody from the beginning. Save the row afterwards."""
        self.refreshed_at = None
        self.built_to = None


class SegmentMember(models.Model):
    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="members", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="memberships")
    entered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "lead"], name="segment_member_once")]

    def __str__(self) -> str:
        return f"{self.lead_id} in {self.segment_id}"


class SegmentDue(models.Model):
    """When time alone may next change whether a lead belongs to a segment: its last view gets too old on that day."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    due_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "lead"], name="segment_due_once")]
        indexes = [models.Index(fields=["due_at"], name="segment_due_next")]

    def __str__(self) -> str:
        return f"{self.lead_id} in {self.segment_id} at {self.due_at:%Y-%m-%d %H:%M}"


class SegmentTally(models.Model):
    """How many came and went. Written beside each change, so that no row is hot; a tick adds them up by day."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="tallies", db_index=False)
    day = models.DateField()
    came = models.PositiveIntegerField()
    went = models.PositiveIntegerField()
    is_summed = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "day"], condition=models.Q(is_summed=True), name="segment_tally_once_a_day"
            )
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(is_summed=False), name="segment_tally_to_sum")]

    def __str__(self) -> str:
        return f"+{self.came} −{self.went} on {self.day}"
