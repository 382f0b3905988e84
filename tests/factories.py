"""Rows for tests, and a small cast. Times are the test's own: `now` is never asked for here."""

from datetime import UTC, datetime

import factory
from django.contrib.auth import get_user_model

from leads import addresses
from leads.models import Audience, Company, Form, Lead, ScoreGroup, ScoreRule, Segment, StageRule, Visitor

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday."""


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = get_user_model()
        django_get_or_create = ("username",)

    username = factory.Sequence(lambda n: f"rep{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    is_staff = True


class CompanyFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Company
        django_get_or_create = ("domain",)

    domain = factory.Sequence(lambda n: f"company{n}.example")
    name = factory.LazyAttribute(lambda company: company.domain.partition(".")[0].title())
    created_at = NOON


class LeadFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Lead

    email = factory.Sequence(lambda n: f"lead{n}@acme.com")
    email_normal = factory.LazyAttribute(lambda lead: addresses.read(lead.email).normal)
    email_domain = factory.LazyAttribute(lambda lead: addresses.read(lead.email).domain)
    address_hash = factory.LazyAttribute(
        lambda lead: addresses.address_hash(lead.email_normal, addresses.address_key())
    )
    stage_since = NOON
    created_at = NOON
    updated_at = NOON

    class Params:
        ada = factory.Trait(
            email="ada@acme.com",
            first_name="Ada",
            last_name="Ash",
            company_name="Acme",
            company_size=120,
            job_title="Head of Marketing",
            role="head",
        )
        sam = factory.Trait(email="sam@gmail.com", first_name="Sam", job_title="Student", role="student")


class VisitorFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Visitor

    anonymous_id = factory.Sequence(lambda n: f"browser-{n}")
    created_at = NOON


class FormFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Form
        django_get_or_create = ("slug",)

    slug = "contact"
    name = factory.LazyAttribute(lambda form: form.slug.title())
    fields = factory.LazyFunction(lambda: [{"name": "email", "label": "E-mail", "type": "email", "required": True}])


class AudienceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Audience

    organization_type = "YMCA"
    audience_type = "b2b"
    primary_audience = "Community organizations"


class ScoreGroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ScoreGroup
        django_get_or_create = ("slug",)

    slug = "engagement"
    name = "Engagement"
    dimension = "intent"
    cap = 45


class ScoreRuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = ScoreRule

    slug = factory.Sequence(lambda n: f"rule-{n}")
    name = factory.LazyAttribute(lambda rule: rule.slug)
    group = factory.SubFactory(ScoreGroupFactory)
    points = 10


class StageRuleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = StageRule

    slug = factory.Sequence(lambda n: f"stage-rule-{n}")
    name = factory.LazyAttribute(lambda rule: rule.slug)
    to = "mql"
    from_stages = ["cold"]
    reason = "Because"


class SegmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Segment

    slug = factory.Sequence(lambda n: f"segment-{n}")
    name = factory.LazyAttribute(lambda segment: segment.slug)
