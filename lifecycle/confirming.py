"""The page on which a superuser says that this installation may send."""

from django.contrib import admin, messages
from django.contrib.auth.decorators import user_passes_test
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods

from lifecycle import instance
from lifecycle.core import clock
from lifecycle.models import Confirmation


@require_http_methods(["GET", "POST"])
@user_passes_test(lambda user: user.is_active and user.is_superuser, login_url="admin:login")
def confirm(request: HttpRequest) -> HttpResponse:
    """GET shows what is in the way, POST confirms."""
    reason = instance.locked(clock.now())
    if request.method == "POST" and reason:
        instance.confirm(by=request.user.get_username(), now=clock.now())
        messages.success(request, "This installation sends from now on.")
        return redirect("admin:index")
    context = {
        **admin.site.each_context(request),
        "title": "Sending is locked" if reason else "Sending is not locked",
        "reason": reason,
        "sides": instance.look(),
        "confirmations": Confirmation.objects.all()[:10],
    }
    return TemplateResponse(request, "admin/confirm_instance.html", context)
