"""The admin's page of what is stuck and what to do: the doctor's findings."""

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from lifecycle import doctor
from lifecycle.core import clock
from lifecycle.core.wellbeing import Level

VERDICTS = {
    Level.FINE: "All is well",
    Level.NOTICE: "All is well",
    Level.WARNING: "It works; something wants a look",
    Level.PROBLEM: "Something does not work",
}


@never_cache
@require_safe
@permission_required("leads.view_workspace", login_url="admin:login")
def health(request: HttpRequest) -> HttpResponse:
    """For those who may look at the workspace's settings."""
    now = clock.now()
    areas = doctor.examine(now)
    context = {
        **admin.site.each_context(request),
        "title": "Health",
        "areas": areas,
        "level": doctor.worst(areas).name.lower(),
        "verdict": VERDICTS[doctor.worst(areas)],
        "looked_at": now,
    }
    return TemplateResponse(request, "admin/health.html", context)
