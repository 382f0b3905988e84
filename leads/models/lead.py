from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from leads.models.company import Company
from leads.models.touch import Touch
from leads.models.triggers import write_once
from leads.models.workspace import check_zone


class Stage(models.TextChoices):
    COLD = "cold", "Cold lead"
    MQL = "mql", "MQL"
    SQL = "sql", "SQL"
    CUSTOMER = "customer", "Customer"
    RECYCLED = "recycled", "Recycled"
    FORMER = "former", "Former customer"


class Temperature(models.TextChoices):
    COLD = "cold", "Cold"
    WARM = "warm", "Warm"
    HOT = "hot", "Hot"


class AudienceType(models.TextChoices):
    B2B = "b2b", "B2B"
    B2C = "b2c", "B2C"


class Role(models.TextChoices):
    EXECUTIVE = "executive", "Executive"
    HEAD = "head", "Head of a department"
    MANAGER = "manager", "Manager"
    INDIVIDUAL = "individual", "Individual contributor"
    STUDENT = "student", "Student"


class Tier(models.TextChoices):
    MOST_ENGAGED = "most_engaged", "Most engaged"
    ENGAGED = "engaged", "Engaged"
    QUIET = "quiet", "Quiet"
    DORMANT = "dormant", "Dormant"


class Visitor(models.Model):
    """Somebody known by a browser's or by the product's own id. Events and touches join the lead once there is one.

    Set once: the lead, and which of the product's users a browser turned out to be.
    """

    anonymous_id = models.CharField(max_length=120, unique=True, null=True, help_text="A browser's id …")
    user_id = models.CharField(max_length=200, unique=True, null=True, help_text="… or the product's for its user.")
    lead = models.ForeignKey("leads.Lead", null=True, blank=True, on_delete=models.CASCADE, related_name="visitors")
    same_as = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="browsers",
        help_text="The user of the product that this browser belongs to.",
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(anonymous_id__isnull=False, user_id__isnull=True)
                | Q(anonymous_id__isnull=True, user_id__isnull=False),
                name="visitor_has_one_id",
            ),
        ]
        triggers = [write_once("lead_id"), write_once("same_as_id")]

    def __str__(self) -> str:
        return str(self.anonymous_id or self.user_id)


class LeadQuerySet(models.QuerySet["Lead"]):
    def hot(self) -> "LeadQuerySet":
        return self.filter(temperature=Temperature.HOT)

    def hottest_first(self) -> "LeadQuerySet":
        return self.order_by("-score", "-last_human_act_at", "pk")


class Lead(models.Model):
    """A person with a mail address. Scores, temperature and touches are caches of insert-only rows."""

    email = models.EmailField(max_length=254, help_text="As the person wrote it.")
    email_normal = models.CharField(max_length=254, unique=True, editable=False)
    email_domain = models.CharField(max_length=253, editable=False)
    address_hash = models.CharField(max_length=32, editable=False, help_text="Keyed hash; suppressions hang on it.")

    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    job_title = models.CharField(max_length=160, blank=True)
    role = models.CharField(max_length=12, choices=Role, blank=True, help_text="Read from the job title.")
    department = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="Read from the job title: engineering, marketing, sales …",
    )
    company = models.ForeignKey(Company, null=True, blank=True, on_delete=models.SET_NULL, related_name="leads")
    company_name = models.CharField(max_length=200, blank=True)
    company_size = models.PositiveIntegerField(null=True, blank=True, help_text="Employees, as the lead said.")
    industry = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=80, blank=True)
    timezone = models.CharField(max_length=64, blank=True, validators=[check_zone])
    organization_type = models.CharField(max_length=120, blank=True)
    audience_type = models.CharField(max_length=3, choices=AudienceType, blank=True)
    primary_audience = models.CharField(max_length=120, blank=True)
    attributes = models.JSONField(default=dict, blank=True, help_text="Further fields of forms and the API.")

    stage = models.CharField(max_length=10, choices=Stage, default=Stage.COLD)
    stage_since = models.DateTimeField()
    fit_score = models.PositiveSmallIntegerField(default=0, editable=False)
    intent_score = models.PositiveSmallIntegerField(default=0, editable=False)
    score = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Fit + intent, 0–100.")
    temperature = models.CharField(max_length=4, choices=Temperature, default=Temperature.COLD, editable=False)
    hot_since = models.DateTimeField(null=True, blank=True, editable=False)
    decay_due_at = models.DateTimeField(null=True, editable=False, help_text="When intent loses points next.")
    engagement_tier = models.CharField(max_length=12, choices=Tier, default=Tier.ENGAGED)
    tier_since = models.DateTimeField(null=True, blank=True, editable=False)
    tier_due_at = models.DateTimeField(null=True, editable=False, help_text="When the tier may fall next.")
    sunset_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when marketing mail rests, as nothing was heard of the person; their next act ends it.",
    )
    is_client = models.BooleanField(default=False)
    last_human_act_at = models.DateTimeField(null=True, blank=True, editable=False)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="leads"
    )
    first_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    form_source = models.CharField(
        max_length=60, blank=True, editable=False, help_text="The first form. Never changes."
    )
    original_touch = models.ForeignKey(
        Touch,
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    latest_touch = models.ForeignKey(
        Touch,
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )

    demo_booked = models.BooleanField(default=False)
    demo_at = models.DateTimeField(null=True, blank=True)
    demo_event_name = models.CharField(max_length=200, blank=True)
    demo_status = models.CharField(max_length=20, blank=True, help_text="scheduled, canceled, no_show, held")
    webinars = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="WB003, WB005: registered for, in turn."
    )

    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)

    objects = LeadQuerySet.as_manager()

    class Meta:
        permissions = [("export_lead", "Can export leads")]
        indexes = [
            models.Index(fields=["-score", "id"], condition=Q(temperature="hot"), name="lead_hot_queue"),
            models.Index(fields=["decay_due_at"], condition=Q(decay_due_at__isnull=False), name="lead_decay_due"),
            models.Index(fields=["tier_due_at"], condition=Q(tier_due_at__isnull=False), name="lead_tier_due"),
            models.Index(fields=["sunset_at"], condition=Q(sunset_at__isnull=False), name="lead_sunset"),
            models.Index(fields=["stage", "last_human_act_at"], name="lead_stage_sweep"),
            models.Index(fields=["updated_at", "id"], name="lead_api_by_update"),
            models.Index(fields=["address_hash"], name="lead_by_address_hash"),
            # The sweep of dates that start sequences reads these; `leads_dates` makes “renewal_date=2026-12-21”.
            models.Index(fields=["created_at"], name="lead_by_creation"),
            models.Index(fields=["stage_since"], name="lead_by_stage_start"),
            GinIndex(models.Func("attributes", function="leads_dates"), name="lead_dates", condition=~Q(attributes={})),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(score=models.F("fit_score") + models.F("intent_score")),
                name="lead_score_is_fit_plus_intent",
            ),
        ]
        triggers = [
            write_once("first_owner_id"),
            write_once("original_touch_id"),
            write_once("form_source", empty=""),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
