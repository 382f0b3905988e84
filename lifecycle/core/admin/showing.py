"""Small pieces of HTML that read-only fields are made of."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince


def admin_link(row: Model | None, text: object = "") -> SafeString | str:
    """A link to the row's admin page."""
    if row is None:
        return "–"
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a class="text-link" href="{}">{}</a>', url, text or row)


def ago(at: datetime | None) -> str:
    """How long since, in its largest unit: “2 days ago”."""
    if at is None:
        return "–"
    words = timesince(at, depth=1)
    return "just now" if words.startswith("0") else f"{words} ago"


def code(text: str) -> SafeString:
    """A block of code or a traceback, scrolling inside its box."""
    return format_html('<pre class="code-block">{}</pre>', text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> SafeString:
    """A small table; cells are escaped unless they are safe already."""
    cells = format_html_join("", "<th>{}</th>", ((name,) for name in head))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html(
        '<div class="table-scroll"><table class="plain-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        cells,
        body,
    )


def sandboxed(url: str, *, title: str, name: str = "") -> SafeString:
    """A frame for HTML that we do not trust: no scripts, no forms. `url` answers with a policy of its own."""
    return format_html(
        '<iframe class="mail-frame" sandbox src="{}" title="{}" name="{}" loading="lazy"></iframe>', url, title, name
    )
