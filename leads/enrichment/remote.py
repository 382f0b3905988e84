"""A provider over HTTP: any service, or a script of one's own, that answers as docs/enrichment.md says."""

import email.utils
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec
from django.conf import settings

from leads import profile
from leads.enrichment.contract import CompanyFacts, Unavailable
from lifecycle.core import http, sql

LONGEST_WAIT = timedelta(days=1)
LARGEST_FACTS = 16_384
_KNOWN = ("name", "size", "employees", "industry", "country", "time_zone")
# Asked again these may answer.
_MAY_PASS = frozenset({408, 425, 429})
# These are about us, not about the company.
_TELL_ALL = frozenset({401, 403, 429, 503})


class Remote:
    """GET ENRICHMENT_URL with the domain in it, with ENRICHMENT_TOKEN as bearer if there is one."""

    slug = "http"

    def look_up(self, domain: str) -> CompanyFacts | None:
        url = settings.ENRICHMENT_URL.replace("{domain}", quote(domain, safe=""))
        headers = {"accept": "application/json", "user-agent": "Lifecycle-Enrichment/1"}
        if settings.ENRICHMENT_TOKEN:
            headers["authorization"] = f"Bearer {settings.ENRICHMENT_TOKEN}"
        try:
            answer = http.get(url, headers, allow_private=settings.ALLOW_PRIVATE_WEBHOOKS)
        except http.Refused as refused:
            raise Unavailable(f"ENRICHMENT_URL {refused}") from refused
        except http.Unreachable as failure:
            raise Unavailable(str(failure)) from failure
        return read(answer)


def read(answer: http.Answer) -> CompanyFacts | None:
    """What an answer says. Pure but for the clock behind a Retry-After that is a date."""
    if answer.status in (204, 404):
        return None
    if answer.status != 200:
        wait = retry_after(answer.headers) if answer.status in _MAY_PASS or answer.status >= 500 else LONGEST_WAIT
        raise Unavailable(f"answered {answer.status}", wait, rests=answer.status in _TELL_ALL)
    try:
        told = msgspec.json.decode(answer.body)
    except msgspec.DecodeError as error:
        raise Unavailable("answered something that is not JSON, or more than 64 KB", LONGEST_WAIT) from error
    if not isinstance(told, dict):
        raise Unavailable("answered JSON that is no object", LONGEST_WAIT)
    return _facts(told) if told else None


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The wait that a Retry-After header asks for, in seconds or as a date by the server's own clock; at most a day."""
    return http.retry_after(headers.get("retry-after", ""), _date(headers.get("date", "")))


def _facts(told: dict[str, Any]) -> CompanyFacts:
    """Each known field if it reads; what does not is kept among the further facts and changes nothing."""
    size = told.get("size", told.get("employees"))
    further = sql.storable({name: value for name, value in told.items() if name not in _KNOWN})
    return CompanyFacts(
        name=_text(told.get("name"), 200),
        size=profile.company_size(size) if isinstance(size, str | int | float) else None,
        industry=_text(told.get("industry"), 120),
        country=_text(told.get("country"), 80),
        time_zone=profile.zone(_text(told.get("time_zone"), 64)),
        facts=further if len(sql.to_json(further)) <= LARGEST_FACTS else {},
    )


def _text(value: object, longest: int) -> str:
    return profile.clean(value)[:longest] if isinstance(value, str) else ""


def _date(text: str) -> datetime | None:
    try:
        at = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
