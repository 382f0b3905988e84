"""Who may enter the console, and what each of its pages needs to be drawn."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

View = Callable[..., HttpResponseBase]


def colleagues(permission: str) -> Callable[[View], View]:
    """Let in people who may log in here and hold the permission; others get the login page or a 403."""

    def decorate(view: View) -> View:
        allowed = permission_required(permission, raise_exception=True)(view)
        return wraps(view)(staff_member_required(allowed, login_url="admin:login"))

    return decorate


def page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page in the frame of the admin: the same sidebar, colours and messages."""
    return render(request, template, {**admin.site.each_context(request), **context})


def back(request: HttpRequest, *, otherwise: str, **kwargs: Any) -> HttpResponse:
    """To where the reader came from, if that is ours."""
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return redirect(target)
    return redirect(otherwise, **kwargs)


def signed_in(request: HttpRequest) -> AbstractBaseUser:
    """The colleague behind the request; `colleagues` lets nobody else through."""
    return cast(AbstractBaseUser, request.user)
