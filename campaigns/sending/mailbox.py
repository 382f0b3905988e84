"""/mailbox/: the mail that was kept here because no mail server is set. Staff only, and only as long as that is so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from campaigns.models import MailboxMail
from campaigns.sending.delivery.mime import one_line
from lifecycle.core.admin.frames import framed

PAGE = 50
View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class File:
    """What goes with a mail."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A kept mail taken apart; missing parts are ''."""

    headers: list[tuple[str, str]]
    html: str
    text: str
    files: list[File] = field(default_factory=list)


def opened(raw: bytes) -> OpenedMail:
    """The parts of a MIME message, read leniently: it is shown even if some of it is broken."""
    mail: Any = message_from_bytes(bytes(raw), policy=policy.default)
    headers = [(name, str(value)) for name, value in mail.items()]
    return OpenedMail(headers, part(mail, "html"), part(mail, "plain"), files(mail))


def files(mail: EmailMessage) -> list[File]:
    """The attached files, in their order."""
    attached = [part for part in mail.walk() if part.get_content_disposition() == "attachment"]
    return [
        File(
            one_line(part.get_filename() or f"file-{number}")[:120],
            part.get_content_type(),
            bytes(part.get_payload(decode=True) or b""),
        )
        for number, part in enumerate(attached, start=1)
    ]


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    if body is None:
        return ""
    try:
        return str(body.get_content())
    except LookupError:  # a character set that nobody knows
        return bytes(body.get_payload(decode=True) or b"").decode("utf-8", "replace")


def staff_while_mail_stays_here(view: View) -> View:
    """404 once a mail server is set; else the login page for those who are not staff."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if settings.MAIL["transport"] != "mailbox":
            raise Http404("A mail server is set: mail leaves, nothing is kept here.")
        return staff_member_required(view, login_url="admin:login")(request, *args, **kwargs)

    return require_GET(guarded)


@staff_while_mail_stays_here
def listing(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("q", "").strip()[:100]
    before = request.GET.get("before", "")
    mails = MailboxMail.objects.defer("raw").order_by("-id")
    if search:
        mails = mails.filter(Q(to_email__icontains=search) | Q(subject__icontains=search))
    if before.isdecimal() and len(before) < 19:
        mails = mails.filter(pk__lt=int(before))
    rows = list(mails[: PAGE + 1])
    context = {
        "title": "Local mailbox",
        "mails": rows[:PAGE],
        "more": len(rows) > PAGE,
        "search": search,
        "before": before,
    }
    return render(request, "mailbox/list.html", {**admin.site.each_context(request), **context})


@staff_while_mail_stays_here
def one(request: HttpRequest, pk: int) -> HttpResponse:
    mail = get_object_or_404(MailboxMail.objects.select_related("message__lead"), pk=pk)
    context = {"title": mail.subject or "No subject", "mail": mail, "opened": opened(bytes(mail.raw))}
    return render(request, "mailbox/mail.html", {**admin.site.each_context(request), **context})


@staff_while_mail_stays_here
def html(request: HttpRequest, pk: int) -> HttpResponse:
    """The HTML part alone, for the sandboxed frame, under a policy that runs nothing."""
    return framed(opened(bytes(get_object_or_404(MailboxMail, pk=pk).raw)).html)


@staff_while_mail_stays_here
def raw(request: HttpRequest, pk: int) -> HttpResponse:
    mail = get_object_or_404(MailboxMail, pk=pk)
    headers = {"Content-Disposition": f'attachment; filename="mail-{pk}.eml"'}
    return HttpResponse(bytes(mail.raw), content_type="message/rfc822", headers=headers)


@staff_while_mail_stays_here
def file(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """One attached file, always as a download: what is in it is not ours to show."""
    found = opened(bytes(get_object_or_404(MailboxMail, pk=pk).raw)).files
    if not 0 < number <= len(found):
        raise Http404("This mail has no such file.")
    given = found[number - 1]
    headers = {"Content-Disposition": content_disposition_header(True, given.name) or "attachment"}
    return HttpResponse(given.content, content_type=given.content_type, headers=headers)


app_name = "mailbox"
urlpatterns = [
    path("", listing, name="list"),
    path("<int:pk>/", one, name="mail"),
    path("<int:pk>/html/", html, name="html"),
    path("<int:pk>/raw/", raw, name="raw"),
    path("<int:pk>/files/<int:number>/", file, name="file"),
]
