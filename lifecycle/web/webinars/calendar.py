"""/webinars/r/{token}/calendar.ics: the calendar entry as a file, for calendars that are no website."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lifecycle.core import clock
from lifecycle.web.webinars.own import GONE, found, sorry
from webinars import invites
from webinars.models import Registration


@never_cache
@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Under the same UID as the mail's invitation, so that nobody has the webinar twice."""
    read, registration = found(token)
    if read is None or registration is None or registration.state == Registration.State.WAITING:
        return sorry(request, GONE)
    file = invites.downloaded(registration, is_personal=read.is_personal, now=clock.now())
    response = HttpResponse(file.content, content_type=f"{file.content_type}; charset=utf-8; method={file.method}")
    response["Content-Disposition"] = f'inline; filename="{file.filename}"'  # phones offer to add it
    return response
