"""/t.js: the tracking snippet, for pages of any website."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition, require_safe

SOURCE = Path(settings.BASE_DIR) / "static" / "js" / "t.js"
# A day at the most until a new version is everywhere; asking whether there is one holds nobody up.
HEADERS = {
    "Cache-Control": "public, max-age=86400, stale-while-revalidate=604800",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@cache
def _content() -> bytes:
    return SOURCE.read_bytes()


@cache
def _etag() -> str:
    return f'"{hashlib.sha256(_content()).hexdigest()[:32]}"'


@gzip_page
@require_safe
@condition(etag_func=lambda request: _etag())
def snippet(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_content(), content_type="text/javascript; charset=utf-8", headers=HEADERS)
