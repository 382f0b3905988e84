"""The people and things that the OpenAPI document shows."""

from typing import Any

TOUCH: dict[str, Any] = {
    "id": 1201,
    "kind": "form",
    "channel": "Paid social",
    "source": "linkedin",
    "medium": "cpc",
    "campaign": "spring",
    "term": "",
    "content": "",
    "referrer": "https://www.linkedin.com/",
    "landing_page": "https://www.example.com/pricing",
    "landing_path": "www.example.com/pricing",
    "device": "desktop",
    "sequence": "",
    "mail": "",
    "form": "contact",
    "click_ids": {},
    "at": "2026-03-02T12:00:00Z",
}
LEAD: dict[str, Any] = {
    "id": 42,
    "email": "ada@acme.com",
    "first_name": "Ada",
    "last_name": "Byron",
    "company": "Acme",
    "job_title": "Head of Operations",
    "phone": "",
    "company_size": 120,
    "organization_type": "Software Company",
    "industry": "",
    "country": "DE",
    "timezone": "Europe/Berlin",
    "stage": "mql",
    "stage_since": "2026-03-02T12:00:00Z",
    "fit_score": 55,
    "intent_score": 10,
    "score": 65,
    "temperature": "warm",
    "audience_type": "b2b",
    "primary_audience": "SaaS",
    "owner": "rita",
    "is_client": False,
    "engagement_tier": "engaged",
    "sunset_at": None,
    "form_source": "contact",
    "original_touch": TOUCH,
    "latest_touch": TOUCH,
    "demo": {"booked": True, "at": "2026-03-09T09:00:00Z", "event_name": "Product demo", "status": "scheduled"},
    "webinars": "",
    "attributes": {"plan": "trial"},
    "created_at": "2026-03-02T12:00:00Z",
    "updated_at": "2026-03-02T12:00:01Z",
}
EVENT: dict[str, Any] = {
    "id": 9001,
    "kind": "form.submitted",
    "properties": {"form": "contact"},
    "occurred_at": "2026-03-02T12:00:00Z",
    "recorded_at": "2026-03-02T12:00:00Z",
    "source": "form",
    "key": "7d0f5c1e",
}
MEETING: dict[str, Any] = {
    "id": 7,
    "state": "scheduled",
    "event_name": "Product demo",
    "starts_at": "2026-03-09T09:00:00Z",
    "ends_at": "2026-03-09T09:30:00Z",
    "time_zone": "Europe/Berlin",
    "location": "https://meet.example.com/abc",
    "host": "mia@example.com",
    "answers": [{"question": "What would you like to see?", "answer": "Imports"}],
    "moved_to": None,
    "cancel_reason": "",
    "booked_at": "2026-03-02T12:00:00Z",
    "canceled_at": None,
    "provider": "calendly",
}
SCORE: dict[str, Any] = {
    "fit_score": 55,
    "intent_score": 10,
    "score": 65,
    "temperature": "warm",
    "results": [
        {
            "id": 77,
            "dimension": "intent",
            "points": 10,
            "reason": "rule",
            "rule": "form-submitted",
            "rule_name": "Sent a form",
            "event": "form.submitted",
            "event_id": 9001,
            "at": "2026-03-02T12:00:00Z",
        }
    ],
    "next": None,
}
MESSAGE: dict[str, Any] = {
    "id": 310,
    "key": "enrollment:7:welcome",
    "sequence": "demo-nurture",
    "step": "welcome",
    "variant": "",
    "template": "demo-nurture-1",
    "subject": "The cost of doing nothing",
    "state": "sent",
    "reason": "",
    "due_at": "2026-03-02T12:00:01Z",
    "sent_at": "2026-03-02T12:00:02Z",
    "class": "marketing",
}
ENROLLMENT: dict[str, Any] = {
    "id": 7,
    "sequence": "demo-nurture",
    "key": "",
    "state": "ended",
    "step": "week-2",
    "due_at": None,
    "exit_reason": "goal: meeting.booked",
    "enrolled_at": "2026-03-02T12:00:01Z",
    "ended_at": "2026-03-05T08:30:00Z",
}
SEQUENCE: dict[str, Any] = {
    "slug": "demo-nurture",
    "name": "Demo nurture",
    "description": "From the first contact to a booked demo.",
    "status": "live",
    "group": "sales-conversation",
    "priority": 40,
    "version": 3,
}
SEGMENT: dict[str, Any] = {
    "slug": "hot-leads",
    "name": "Hot leads",
    "description": "",
    "rule": {"field": "temperature", "op": "eq", "value": "hot"},
    "is_active": True,
    "member_count": 128,
}
SEGMENT_PREVIEW: dict[str, Any] = {
    "sentence": "Pricing viewed at least 3 times in the last 7 days",
    "count": 42,
    "is_exact": True,
    "people": [
        {
            "id": 7,
            "email": "ada@acme.com",
            "name": "Ada Ash",
            "stage": "mql",
            "score": 65,
            "why": ["Pricing viewed at least 3 times in the last 7 days: 3 times"],
        }
    ],
}
BROADCAST: dict[str, Any] = {
    "slug": "weekly-best-practices",
    "name": "Weekly best practices",
    "description": "One practical tip a week.",
    "status": "scheduled",
    "note": "",
    "segment": "newsletter-readers",
    "send_at": None,
    "crontab": "At 09:00 AM, only on Tuesday Europe/Berlin",
}
BROADCAST_RUN: dict[str, Any] = {
    "id": 12,
    "occurs_at": "2026-03-03T08:00:00Z",
    "state": "done",
    "reason": "",
    "recipients": 12340,
    "excluded": 312,
    "counts": {
        "ready": 0,
        "sending": 0,
        "sent": 12201,
        "failed": 14,
        "unknown": 1,
        "suppressed": 124,
        "expired": 0,
        "canceled": 0,
        "held": 0,
        "clicked": 871,
    },
    "counted_at": "2026-03-03T09:40:00Z",
    "winner": "",
    "winner_reason": "",
    "started_at": "2026-03-03T08:00:02Z",
    "done_at": "2026-03-03T08:31:10Z",
}
SUBMISSION: dict[str, Any] = {
    "email": "ada@acme.com",
    "first_name": "Ada",
    "company": "Acme",
    "company_size": "120",
    "message": "We would like to see it.",
    "utm_source": "linkedin",
    "utm_medium": "cpc",
    "utm_campaign": "spring",
    "page_url": "https://www.example.com/pricing",
}
ACCEPTED: dict[str, Any] = {"status": "accepted", "next": "https://crm.example.com/thanks/contact/"}
WEBINAR: dict[str, Any] = {
    "code": "WB003",
    "title": "Onboarding that sticks",
    "summary": "What the first week decides.",
    "description": "Three teams show what they changed, and what came of it.",
    "state": "open",
    "starts_at": "2026-03-10T15:00:00Z",
    "ends_at": "2026-03-10T15:45:00Z",
    "time_zone": "Europe/Berlin",
    "when": "Tuesday, 10 March 2026, 16:00–16:45 CET",
    "speakers": [{"name": "Ada Park", "title": "Head of Success, Acme", "bio": ""}],
    "capacity": 100,
    "seats_left": 12,
    "page_url": "https://crm.example.com/webinars/WB003",
    "calendar": {
        "google_url": "https://calendar.google.com/calendar/render?action=TEMPLATE&text=Onboarding",
        "outlook_url": "https://outlook.live.com/calendar/0/deeplink/compose?subject=Onboarding",
    },
    "recording_url": "",
}
REGISTRATION: dict[str, Any] = {
    "email": "ada@acme.com",
    "first_name": "Ada",
    "company": "Acme",
    "organization_type": "Software Company",
    "utm_source": "linkedin",
}
REGISTERED: dict[str, Any] = {
    "status": "registered",
    "webinar": "WB003",
    "calendar_url": "https://crm.example.com/webinars/r/kq3T/calendar.ics",
    "google_url": "https://calendar.google.com/calendar/render?action=TEMPLATE&text=Onboarding",
    "outlook_url": "https://outlook.live.com/calendar/0/deeplink/compose?subject=Onboarding",
    "page_url": "https://crm.example.com/webinars/r/kq3T",
}
UPSERT: dict[str, Any] = {
    "email": "ada@acme.com",
    "first_name": "Ada",
    "company": "Acme",
    "job_title": "Head of Operations",
    "company_size": 120,
    "attributes": {"plan": "trial"},
    "utm_source": "partner",
}
CHANGE: dict[str, Any] = {
    "owner": "rita",
    "stage": "sql",
    "reason": "Asked for a quote by phone",
    "phone": "+49 30 1234",
}
NEW_EVENT: dict[str, Any] = {
    "kind": "pricing.viewed",
    "properties": {"plan": "pro"},
    "occurred_at": "2026-03-02T12:00:00Z",
    "key": "view-8812",
}
WHY: dict[str, Any] = {
    "question": "Why did Ada get, or not get, “Demo nurture 3” of Demo nurture?",
    "answer": "“Demo nurture 3” is queued until Tue 17 Mar 2026, 09:00: Ada had 2 marketing mails in 7 days (cap 2).",
    "because": [
        {"at": "2026-03-02T12:00:00Z", "check_name": "", "outcome": "enrolled", "text": "Ada entered Demo nurture."},
        {
            "at": "2026-03-16T12:00:00Z",
            "check_name": "cap",
            "outcome": "deferred",
            "text": "Not sent yet: Ada had 2 marketing mails in 7 days (cap 2); next slot Tue 17 Mar 2026, 09:00.",
        },
    ],
}
PLAN: dict[str, Any] = {
    "planned": [
        {
            "sequence": "Demo nurture",
            "step": "mail-3",
            "what": "mail",
            "name": "Demo nurture 3",
            "at": "2026-03-17T08:00:00Z",
            "why": "",
        }
    ]
}


def _arm(key: str, people: int, conversions: int, low: float, high: float) -> dict[str, Any]:
    rate = conversions / people
    return {
        "key": key, "people": people, "conversions": conversions, "rate": rate, "low": low, "high": high, "missing": 0,
    }  # fmt: skip


EXPERIMENTS: dict[str, Any] = {
    "experiments": [
        {
            "sequence": "demo-nurture",
            "step": "welcome",
            "goal": "email.clicked",
            "within_seconds": 604800,
            "minimum_sample": 500,
            "auto_promote": True,
            "state": "decided",
            "started_at": "2026-03-02T12:00:00Z",
            "decided_at": "2026-04-09T12:00:00Z",
            "winner": "b",
            "promoted": "b",
            "verdict": "b wins: 15.0 % of 500 people against 8.0 % of 500 with a, "
            "7.0 points (95 % interval 3.1 to 11.0, p < 0.001) more.",
            "arms": [_arm("a", 500, 40, 0.059, 0.107), _arm("b", 500, 75, 0.121, 0.184)],
            "comparison": {"difference": 0.07, "low": 0.031, "high": 0.11, "p": 0.0005},
        }
    ],
    "holdouts": [],
}

PURCHASE: dict[str, Any] = {
    "id": 31,
    "order_id": "pi_3Q9x",
    "provider": "stripe",
    "amount": "99.00",
    "refunded": "0.00",
    "currency": "EUR",
    "products": [{"name": "Starter plan", "reference": "prod_9", "quantity": 1, "amount": 99}],
    "named_by": "line_items",
    "audience_type": "b2b",
    "primary_audience": "Developers",
    "subscription": None,
    "is_renewal": False,
    "purchased_at": "2026-03-02T09:30:00Z",
}

SUBSCRIPTION: dict[str, Any] = {
    "id": 7,
    "reference": "sub_1Q9x",
    "provider": "stripe",
    "state": "active",
    "plan": "Pro plan",
    "products": [{"name": "Pro plan", "reference": "prod_7", "quantity": 1}],
    "amount": "348.00",
    "currency": "EUR",
    "interval_months": 12,
    "started_at": "2026-03-02T09:30:00Z",
    "trial_ends_at": None,
    "renews_at": "2027-03-02T09:30:00Z",
    "ends_at": None,
}
