"""What all doors for programs share."""

from typing import ClassVar

from rest_framework.generics import GenericAPIView

from lifecycle.api.authentication import HasScope, KeyAuthentication
from lifecycle.api.pagination import CursorPages


class KeyView(GenericAPIView):  # type: ignore[type-arg]
    """A door for programs with a key; `scopes` says which scope each method needs (any of several will do)."""

    authentication_classes = [KeyAuthentication]
    permission_classes = [HasScope]
    pagination_class = CursorPages
    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
