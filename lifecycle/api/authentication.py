"""Who calls: a program with a scoped key, as `Authorization: Bearer KEY`."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from lifecycle.api import keys
from lifecycle.api.limited import enforce
from lifecycle.api.models import ApiKey
from lifecycle.core import clock


class KeyAuthentication(BaseAuthentication):
    """`request.auth` is the ApiKey in force that the request carries."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, text = header.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Send the key as “Authorization: Bearer KEY”.", code="invalid_key")
        now = clock.now()
        key = keys.find(text.strip(), now=now)
        if key is None:
            raise AuthenticationFailed("This key is unknown, expired or revoked.", code="invalid_key")
        enforce("key", key.prefix, now=now)
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class HasScope(BasePermission):
    """The view's `scopes` names for each method the scopes of which the key needs one."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = scopes_for(view, request.method or "")
        if not isinstance(request.auth, ApiKey):
            raise NotAuthenticated("This call needs a key: “Authorization: Bearer KEY”.", code="missing_key")
        if not set(needed) & set(request.auth.scopes):
            raise PermissionDenied(f"This key lacks the scope {' or '.join(needed)}.", code="missing_scope")
        return True


def scopes_for(view: Any, method: str) -> tuple[str, ...]:
    """Any of these lets a key call the method; empty for a method the view has not."""
    scopes: Mapping[str, tuple[str, ...]] = view.scopes
    return scopes.get("GET" if method == "HEAD" else method, ())
