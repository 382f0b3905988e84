"""What the rule in the form would do, as JSON, while somebody is typing it."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.urls import reverse

from leads import segments
from leads.models.lead import Stage
from leads.rule_fields import VOCABULARY
from lifecycle.core import rules

# A rule is a few lines; nobody needs to make us read more.
LONGEST = 100_000


def answer(text: str, *, now: datetime) -> dict[str, Any]:
    """The sentence, the count and ten people with their reasons; or what is wrong, and where."""
    try:
        data = json.loads(text[:LONGEST]) if text.strip() else {}
    except json.JSONDecodeError as error:
        return _refused([(f"line {error.lineno}, column {error.colno}", f"not JSON: {error.msg}")])
    except RecursionError:
        return _refused([("", "the conditions are nested too deep")])
    try:
        rule = rules.parse(data, VOCABULARY)
    except rules.RuleError as error:
        return _refused([(problem.path, problem.message) for problem in error.problems])
    seen = segments.preview(rule, now=now)
    return {"sentence": seen.sentence, "count": seen.count, "is_exact": seen.is_exact, "problems": []} | {
        "people": [
            {
                **asdict(person),
                "stage": Stage(person.stage).label,
                "url": reverse("admin:leads_lead_change", args=[person.lead_id]),
            }
            for person in seen.people
        ]
    }


def _refused(problems: list[tuple[str, str]]) -> dict[str, Any]:
    return {"problems": [{"path": path, "message": message} for path, message in problems]}
