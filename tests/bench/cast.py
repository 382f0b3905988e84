"""The people of a run, made in SQL: as many as asked for, each with a name, a company and a past."""

from datetime import datetime, timedelta

from django.db import connection

from campaigns.models import Sequence
from lifecycle.core import sql

FIRST_NAMES = ["Ada", "Bruno", "Chloé", "Dmitri", "Elif", "Femi", "Grace", "Hana", "Ivo", "Jürgen"]
LAST_NAMES = ["Ash", "Brown", "Castro", "Dvořák", "Eriksen", "Fofanah", "Grant"]
TITLES = ["Head of Marketing", "CEO", "Product Manager", "Software Engineer", "Student"]

_LEADS = """
    INSERT INTO leads_lead
        (email, email_normal, email_domain, address_hash, first_name, last_name, phone, job_title, role, company_name,
         company_size, industry, country, timezone, organization_type, audience_type, primary_audience, attributes,
         stage, stage_since, fit_score, intent_score, score, temperature, engagement_tier, is_client, form_source,
         demo_booked, demo_event_name, demo_status, last_human_act_at, created_at, updated_at)
    SELECT address, address, domain, md5(address), (%b::text[])[n %% 10 + 1], (%b::text[])[n %% 7 + 1], '',
           (%b::text[])[n %% 5 + 1], (ARRAY['head', 'executive', 'manager', 'individual', 'student'])[n %% 5 + 1],
           'Company ' || n %% 997, n %% 900 + 5, 'software', 'Germany', (ARRAY['Europe/Berlin', ''])[n %% 2 + 1], '',
           'b2b', '', '{"plan": "trial"}', 'mql', %b::timestamptz, 0, 0, 0, 'cold', 'engaged', false, 'contact',
           false, '', '', %b::timestamptz, %b::timestamptz, %b::timestamptz
    FROM generate_series(1, %b::int) n
    CROSS JOIN LATERAL (SELECT 'company' || n %% 997 || '.example' AS domain) AS company
    CROSS JOIN LATERAL (SELECT %b || n || '@' || domain AS address) AS person
    ORDER BY n RETURNING id
"""
_PAST = """
    INSERT INTO leads_event (recorded_at, lead_id, kind, properties, occurred_at, source, key, depth)
    SELECT at, lead, kind, jsonb_build_object('form', 'contact', 'message', 'How do you count seats?'), at, 'past',
           lead || ':' || kind, 0
    FROM unnest(%b::bigint[]) AS lead
    CROSS JOIN unnest(ARRAY['form.submitted', 'page.viewed', 'pricing.viewed']) WITH ORDINALITY AS past (kind, hours)
    CROSS JOIN LATERAL (SELECT %b::timestamptz - hours * interval '1 hour' AS at) AS happened
"""
_ENROLLMENTS = """
    INSERT INTO campaigns_enrollment
        (sequence_id, version_id, lead_id, key, state, step_key, step_since, is_waiting, due_at, context, depth,
         enrolled_at, goal_since, exit_reason)
    SELECT s.id, s.current_version_id, lead, '', 'active', 'mail-1', %b::timestamptz, false, %b::timestamptz,
           '{"event": {"form": "contact", "message": "How do you count seats?"}, "events": []}', 0, %b::timestamptz,
           %b::timestamptz, ''
    FROM unnest(%b::bigint[]) AS lead JOIN campaigns_sequence s ON s.slug = 'demo-nurture'
"""
# A hundredth has opted out; a third had a mail yesterday, which the cap counts.
_OPTED_OUT = """
    INSERT INTO campaigns_suppression (address_hash, scope, reason, source, created_at)
    SELECT address_hash, 'marketing', 'unsubscribed', 'bench', %b::timestamptz FROM leads_lead
    WHERE id = ANY(%b::bigint[]) AND id %% 100 = 0
"""
_MAILED = """
    INSERT INTO campaigns_message
        (key, lead_id, step_key, variant_key, template_version_id, message_class, context, priority, subject, state,
         reason, due_at, created_at, claimed_at, settled_at, sent_at, attempts, stop_reason, provider_id)
    SELECT 'past:' || lead, lead, '', '', t.current_version_id, 'marketing', '{}', 0, 'Earlier', 'sent', '',
           at, at, at, at, at, 1, '', ''
    FROM unnest(%b::bigint[]) AS lead JOIN campaigns_emailtemplate t ON t.slug = 'demo-nurture-7'
    CROSS JOIN (SELECT %b::timestamptz AS at) AS sent WHERE lead %% 3 = 0
"""


def leads(count: int, *, prefix: str, now: datetime) -> list[int]:
    """New leads with a profile, without any event; their ids."""
    rows = sql.fetch(_LEADS, [FIRST_NAMES, LAST_NAMES, TITLES, now, now, now, now, count, prefix])
    return [row[0] for row in rows]


def give_past(lead_ids: list[int], *, now: datetime) -> None:
    """Three processed events for each."""
    sql.execute(_PAST, [lead_ids, now])


def enroll(lead_ids: list[int], *, now: datetime) -> None:
    """Put everyone into the demo nurture, due at its first mail; some opted out, some were mailed yesterday."""
    sql.execute(_ENROLLMENTS, [now, now, now, now, lead_ids])
    sql.execute(_OPTED_OUT, [now, lead_ids])
    sql.execute(_MAILED, [lead_ids, now - timedelta(days=1)])


def analyze() -> None:
    """What autovacuum does within a minute of a load."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def first_mail() -> int:
    """The version of the mail that everyone gets first."""
    step = Sequence.objects.get(slug="demo-nurture").current_version.steps.get(key="mail-1")  # type: ignore[union-attr]
    return step.template.current_version_id  # type: ignore[union-attr, return-value]
