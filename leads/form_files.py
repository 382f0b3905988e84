"""Forms as playbooks: read from YAML's data and written back to it."""

from collections.abc import Iterable
from typing import Any

from leads import questions
from leads.models import Form, Magnet
from leads.playbook_rows import VERSION, Item, Loaded, PlaybookError, load, rows_of

SETTINGS = (
    "description", "title", "intro", "button", "double_opt_in", "allowed_origins", "min_seconds", "require_render_time",
    "thank_you", "thank_you_url",
)  # fmt: skip


def load_forms(data: object, *, update: bool = False) -> Loaded:
    return load(Form, "slug", rows_of(data, "forms", "forms"), _read, update=update)


def dump_forms(forms: Iterable[Form]) -> dict[str, Any]:
    """The forms as data that `load_forms` reads; settings that are as a new form has them are left out."""
    return {"kind": "forms", "version": VERSION, "forms": [_written(form) for form in forms]}


def _read(item: Item) -> dict[str, Any]:
    form = item.take("slug", "name", "fields", optional=(*SETTINGS, "marketing_consent", "magnet"))
    form["consent_text"] = form.pop("marketing_consent", "")
    if faults := questions.faults(form["fields"]):
        raise PlaybookError(f"{item.path}.fields{faults[0]}")
    if "magnet" in form:
        form["magnet"] = _magnet(item.path, form["magnet"])
    return form


def _magnet(path: str, slug: object) -> Magnet:
    found = Magnet.objects.filter(slug=str(slug)).first()
    if found is None:
        raise PlaybookError(f"{path}.magnet: there is no lead magnet {slug!r}")
    return found


def _written(form: Form) -> dict[str, Any]:
    new = Form()
    row: dict[str, Any] = {"slug": form.slug, "name": form.name}
    row |= {name: getattr(form, name) for name in SETTINGS if getattr(form, name) != getattr(new, name)}
    row["fields"] = [{key: field[key] for key in questions.KEYS if key in field} for field in form.fields]
    row |= {"marketing_consent": form.consent_text} if form.consent_text else {}
    return row | ({"magnet": form.magnet.slug} if form.magnet else {})
