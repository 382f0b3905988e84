"""One mail, made by itself: filling in the template and building the bytes, ours and Django's."""

from dataclasses import dataclass
from datetime import datetime

from django.core.mail import EmailMultiAlternatives

from campaigns import rendering
from campaigns.sending import composing
from campaigns.sending.delivery import mime
from campaigns.sending.delivery.contract import Outgoing
from leads.models import Workspace
from lifecycle.core import tokens
from tests.bench import cast
from tests.bench.measuring import Results, microseconds

BASE = "https://crm.example.com"
ADDRESS_HASH = "0123456789abcdef" * 2
LEAD = {"first_name": "Ada", "last_name": "Ash", "email": "ada@acme.example", "company": "Acme", "job_title": "CEO"}


@dataclass(frozen=True)
class Specimen:
    """The first mail of the demo nurture to one person, as bytes and as Django would build it."""

    raw: bytes
    plain: EmailMultiAlternatives


def measure(results: Results, *, now: datetime) -> None:
    version, compiled, outgoing = _mail(now)
    context = _context()

    def fill() -> None:
        rendering.render(compiled, context, _slots(compiled), cache_key=version)

    note = f"{len(outgoing.html):,} characters of HTML, text part, {len(compiled.links) + 3} signed addresses"
    results.add("fill in a template", microseconds(fill, times=1_000), "µs", target=60, note=note)
    note = f"{len(mime.build(outgoing)):,} bytes, one-click headers"
    results.add("build a mail", microseconds(lambda: mime.build(outgoing), times=1_000), "µs", target=30, note=note)
    results.add("build a mail, Django", microseconds(lambda: _plain(outgoing).message().as_bytes(), times=100), "µs")


def specimen(*, now: datetime) -> Specimen:
    outgoing = _mail(now)[2]
    return Specimen(mime.build(outgoing), _plain(outgoing))


def _mail(now: datetime) -> tuple[int, rendering.CompiledTemplate, Outgoing]:
    version = cast.first_mail()
    compiled = composing.compiled_versions({version})[version]
    rendered = rendering.render(compiled, _context(), _slots(compiled), cache_key=version)
    return version, compiled, _outgoing(rendered, now)


def _context() -> dict[str, object]:
    unknown = {"country": "", "primary_audience": "", "score": 40, "stage": "mql", "attributes": {}}
    workspace = composing.workspace_context(Workspace.load())
    return {
        "lead": {**LEAD, **unknown},
        "workspace": workspace,
        "event": {"form": "contact"},
        "events": [],
        "reason": "You asked.",
    }


def _slots(compiled: rendering.CompiledTemplate) -> rendering.LinkSlots:
    return rendering.LinkSlots(
        links=[f"{BASE}/c/{tokens.click_token(7, index)}" for index in range(len(compiled.links))],
        open_url=f"{BASE}/o/{tokens.open_token(7)}.gif",
        unsubscribe_url=f"{BASE}/u/{tokens.unsubscribe_token(7, ADDRESS_HASH)}",
        preferences_url=f"{BASE}/preferences/{tokens.preferences_token(7, ADDRESS_HASH)}",
    )


def _outgoing(rendered: rendering.Rendered, now: datetime) -> Outgoing:
    return Outgoing(
        message_id=7,
        key="enrollment:7:mail-1",
        message_id_header="<7.0123456789abcdef@crm.example.com>",
        from_email="hello@crm.example.com",
        from_name="Acme",
        to_email="ada@acme.example",
        to_name="Ada Ash",
        reply_to="",
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        unsubscribe_url=f"{BASE}/u/{tokens.unsubscribe_token(7, ADDRESS_HASH)}",
        unsubscribe_mailto="unsubscribe@crm.example.com",
        date=now,
    )


def _plain(outgoing: Outgoing) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        outgoing.subject,
        outgoing.text,
        f"{outgoing.from_name} <{outgoing.from_email}>",
        [f"{outgoing.to_name} <{outgoing.to_email}>"],
        headers={"Message-ID": outgoing.message_id_header, **mime.list_headers(outgoing)},
    )
    message.attach_alternative(outgoing.html, "text/html")
    return message
