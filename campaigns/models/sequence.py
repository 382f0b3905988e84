"""Sequences with versions, steps and variants. A published version and everything under it is immutable."""

from datetime import timedelta

import pgtrigger
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from campaigns.models.template import EmailTemplate

STEP_KEY = RegexValidator(r"^[a-z0-9][a-z0-9-]*$", "Lower-case letters, digits and hyphens: wait-1")


class ExclusiveGroup(models.Model):
    """A lead is in at most one sequence of a group: one conversation, never two drips."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.name


class Sequence(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        LIVE = "live", "Live"
        PAUSED = "paused", "Paused"
        FROZEN = "frozen", "Frozen"
        DRAINING = "draining", "Draining"
        STOPPED = "stopped", "Stopped"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    status = models.CharField(
        max_length=8,
        choices=Status,
        default=Status.DRAFT,
        help_text="Paused: nobody enters, people inside go on. Frozen: everything stands still. "
        "Draining: nobody enters any more, and it stops with the last one's end.",
    )
    frozen_at = models.DateTimeField(null=True, blank=True, editable=False)
    group = models.ForeignKey(ExclusiveGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="sequences")
    priority = models.SmallIntegerField(default=0, help_text="Higher wins inside the group and under the cap.")
    current_version = models.ForeignKey(
        "campaigns.SequenceVersion", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    canary_version = models.ForeignKey(
        "campaigns.SequenceVersion", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    canary_percent = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="Share of new people who enter the canary version."
    )
    canary_since = models.DateTimeField(null=True, blank=True, editable=False)
    moving = models.JSONField(
        null=True,
        editable=False,
        help_text="People in flight who are on their way to another version: to which, who, and how far it got.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(canary_version__isnull=True, canary_percent=0)
                | Q(canary_version__isnull=False, canary_percent__gte=1, canary_percent__lte=99),
                name="sequence_canary_has_a_share",
            ),
            models.CheckConstraint(
                condition=Q(status="frozen", frozen_at__isnull=False) | ~Q(status="frozen") & Q(frozen_at__isnull=True),
                name="sequence_frozen_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name


def frozen_when_published(versions: str) -> pgtrigger.Trigger:
    """Refuse rows that come, change or go under a published version; `versions` selects the ids before and after."""
    return pgtrigger.Trigger(
        name="frozen_when_published",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF EXISTS (SELECT 1 FROM campaigns_sequenceversion WHERE id IN ({versions}) AND state = 'published') THEN
                RAISE EXCEPTION 'a published sequence version is immutable: edit a draft and publish it';
            END IF;
            IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
            RETURN NEW;
        """,  # noqa: S608 - the SQL is ours
    )


class SequenceVersion(models.Model):
    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"

    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    triggers = models.JSONField(
        default=list,
        help_text="[{event, where}, {segment}, {date, offset}]: any of them enrols; with updates: true it only merges "
        "into a running one. The API and people may always enrol.",
    )
    filters = models.JSONField(default=dict, blank=True, help_text="Rule that must hold at entry.")
    reentry = models.CharField(
        max_length=12,
        choices=[
            ("never", "Never"),
            ("after_exit", "After the exit"),
            ("after", "Some time after the last entry"),
            ("once_per_key", "Once per key"),
        ],
        default="never",
    )
    reentry_after = models.DurationField(null=True, blank=True)
    key_property = models.CharField(max_length=60, blank=True, help_text="Event property that keys the enrolment.")
    second_trigger = models.CharField(
        max_length=8,
        choices=[
            ("ignore", "Ignore"),
            ("merge", "Merge into the running one"),
            ("restart", "End the running one and start again"),
            ("parallel", "Run beside it, one run a key"),
        ],
        default="ignore",
        help_text="What a trigger does while the person is inside. Beside it: a run a key (without one: an event).",
    )
    grace = models.DurationField(
        default=timedelta(minutes=30),
        help_text="How long a trigger whose filters do not hold yet is tried again.",
    )
    window = models.JSONField(
        null=True,
        blank=True,
        help_text='When mails may leave, on the person\'s clock: {"from": "09:00", "until": "17:00", '
        '"weekdays": ["monday"], "holidays": "skip"}. Empty: at any time.',
    )
    holdout_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(50)],
        help_text="Share of people who get nothing, to compare with. Their mails are noted, never sent.",
    )
    note = models.CharField(max_length=250, blank=True, help_text="What changed, for the history.")
    exits = models.JSONField(default=list, blank=True, help_text="[{goal: kind, where}, {when: rule, reason}]")
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["sequence", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["sequence", "number"], name="sequence_version_number_once"),
            models.UniqueConstraint(fields=["sequence"], condition=Q(state="draft"), name="sequence_has_one_draft"),
        ]
        db_table = "campaigns_sequenceversion"
        # What was published stays: only rows in draft may change, and the change to published is the last.
        triggers = [
            pgtrigger.Protect(
                name="published_is_final",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="published"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.sequence} v{self.number}"

    def living_steps(self) -> "models.QuerySet[Step]":
        """The steps that do something: without the tombstones of those that earlier versions had."""
        return self.steps.filter(is_tombstone=False)


class Step(models.Model):
    """One step of a version. Its `key` is stable over versions: history and uniqueness hang on it."""

    class Kind(models.TextChoices):
        SEND = "send", "Send a mail"
        WAIT = "wait", "Wait for a time"
        WAIT_CALENDAR = "calendar", "Wait for a day or hour"
        WAIT_EVENT = "event", "Wait for an event"
        WAIT_DATE = "date", "Wait for a date"
        BRANCH = "branch", "Branch"
        SET = "set", "Set a field"
        NOTIFY = "notify", "Notify sales"
        TASK = "task", "Give sales a task"
        WEBHOOK = "webhook", "Call a webhook"
        ENROLL = "enroll", "Enrol in another sequence"
        EXIT = "exit", "Exit from another sequence"
        END = "end", "End"

    class JourneyStage(models.TextChoices):
        AWARENESS = "awareness", "Awareness"
        CONSIDERATION = "consideration", "Consideration"
        DECISION = "decision", "Decision"

    version = models.ForeignKey(SequenceVersion, on_delete=models.CASCADE, related_name="steps")
    key = models.CharField(max_length=60, validators=[STEP_KEY], help_text="Stable name; never reuse one.")
    position = models.PositiveSmallIntegerField(default=0)
    kind = models.CharField(max_length=8, choices=Kind)
    journey_stage = models.CharField(max_length=13, choices=JourneyStage, blank=True)

    template = models.ForeignKey(
        EmailTemplate,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        help_text="Send: the mail, unless variants are given.",
    )
    duration = models.DurationField(null=True, blank=True, help_text="Wait: how long. Event: the longest wait.")
    from_enrollment = models.BooleanField(
        default=False, help_text="Count from the enrolment, not from the completion of the step before."
    )
    weekday = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        choices=list(enumerate(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"])),
    )
    time_of_day = models.TimeField(null=True, blank=True, help_text="In the person's zone.")
    event_kind = models.CharField(max_length=100, blank=True)
    where = models.JSONField(default=list, blank=True, help_text="Tests on the event's properties.")
    condition = models.JSONField(default=dict, blank=True, help_text="Branch: the rule.")
    then_key = models.CharField(
        max_length=60, blank=True, help_text="Step when true / when the event came. Empty: next."
    )
    else_key = models.CharField(
        max_length=60, blank=True, help_text="Step when false / when time ran out. Empty: next."
    )
    field = models.CharField(max_length=80, blank=True, help_text="Set: a lead field or attributes.<name>.")
    value = models.JSONField(null=True, blank=True)
    message = models.CharField(max_length=250, blank=True, help_text="Notify, task: what the rep reads.")
    date_field = models.CharField(
        max_length=80, blank=True, help_text="Date: a date of the lead, like attributes.renewal_date."
    )
    date_property = models.CharField(
        max_length=60, blank=True, help_text="Date: or a property of the event that enrolled, like starts_at."
    )
    offset = models.DurationField(null=True, blank=True, help_text="Date: before it (-1h) or after it (3d).")
    window = models.JSONField(
        null=True, blank=True, help_text="Send: its own window; {} for none. Empty: that of the sequence."
    )
    late_after = models.DurationField(
        null=True, blank=True, help_text="Send: skip the mail when it is later than this. Empty: send it late."
    )
    target = models.SlugField(max_length=80, blank=True, help_text="Enrol, exit: the other sequence's slug.")
    url = models.URLField(max_length=500, blank=True, help_text="Webhook: where to post.")
    is_tombstone = models.BooleanField(
        default=False, editable=False, help_text="Removed in this version: its name stays taken, people pass it by."
    )

    class Meta:
        ordering = ["version", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["version", "key"], name="step_key_once_per_version")]
        triggers = [frozen_when_published("OLD.version_id, NEW.version_id")]

    def __str__(self) -> str:
        return f"{self.key} ({self.get_kind_display()})"

    def mails(self) -> list[EmailTemplate]:
        """The mails it may send: those of its variants, or its own."""
        own = [self.template] if self.template else []
        return [variant.template for variant in self.variants.all()] or own


class Variant(models.Model):
    """One of several mails of a send step, chosen by a stable hash of the lead."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="variants")
    key = models.SlugField(max_length=20)
    weight = models.PositiveSmallIntegerField(default=50)
    template = models.ForeignKey(EmailTemplate, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=250, blank=True, help_text="Instead of the mail's own subject.")
    time_of_day = models.TimeField(
        null=True, blank=True, help_text="Leave at the next such hour on the person's clock. Empty: at once."
    )

    class Meta:
        ordering = ["step", "key"]
        constraints = [models.UniqueConstraint(fields=["step", "key"], name="variant_key_once_per_step")]
        triggers = [
            frozen_when_published("SELECT version_id FROM campaigns_step WHERE id IN (OLD.step_id, NEW.step_id)")
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.weight})"
