"""What the templates of a landing page are given. Pure: rows and blocks in, plain values out."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from leads.attribution import KEYS
from leads.pages import prose
from leads.pages.kinds import Block, Faq, asked_of

LONGEST_VALUE = 1_000
TO_FORM = "#form"
_FOR_SCRIPTS = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def shown(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """The blocks for their templates: marked-up text as safe HTML, and buttons that lead somewhere."""
    return [{"kind": block.KIND, "template": f"web/blocks/{block.KIND}.html", **_values(block)} for block in blocks]


def questions(blocks: Sequence[Block]) -> SafeString | str:
    """The page's questions and answers as search engines read them (schema.org); "" if it has none."""
    asked = [item for block in blocks if isinstance(block, Faq) for item in block.items]
    if not asked:
        return ""
    data = {
        "@context": "https://schema.org",
        "@type": "FAQPage",
        "mainEntity": [
            {
                "@type": "Question",
                "name": item.question,
                "acceptedAnswer": {"@type": "Answer", "text": prose.to_plain(item.answer)},
            }
            for item in asked
        ],
    }
    return mark_safe(json.dumps(data, ensure_ascii=False).translate(_FOR_SCRIPTS))  # noqa: S308  no tag can end in it


def provenance(query: Mapping[str, str], *, referrer: str, page_url: str, anonymous_id: str = "") -> dict[str, str]:
    """Where the visitor came from, as hidden fields of the form, so that it needs no script."""
    fields = {name: query.get(name, "") for name in sorted(KEYS - {"context", "referrer", "page_url", "anonymous_id"})}
    fields |= {"referrer": referrer, "page_url": page_url, "anonymous_id": anonymous_id}
    return {name: value[:LONGEST_VALUE] for name, value in fields.items() if value}


def _values(row: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, asked in asked_of(type(row)).items():
        value = getattr(row, name)
        if asked.of is not None:
            values[name] = [_values(item) for item in value]
        elif asked.control == "prose":
            values[name] = mark_safe(prose.to_html(value))  # noqa: S308  escaped and cleaned there
        elif asked.control == "link":
            values[name] = value or TO_FORM
        else:
            values[name] = value
    return values
