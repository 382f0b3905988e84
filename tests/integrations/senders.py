"""Who sends webhooks in these tests, and how they sign: one row a sender, for the matrix that all of them must pass.

A vendor's tests add their row to SENDERS in `tests/integrations/test_signatures.py`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.test import Client

Headers = Mapping[str, str]


@dataclass(frozen=True)
class Sender:
    """`sign(body, secret, at)`: the headers of a call. `having(secrets)`: while these secrets are set.

    `body`: a body of a kind that is handled. `unknown`: one of a kind that means nothing here. `timestamped`: whether
    an old signature is refused.
    """

    name: str
    path: str
    secret: str
    other_secret: str
    sign: Callable[[bytes, str, datetime], Headers]
    having: Callable[[Sequence[str]], AbstractContextManager[Any]]
    body: Mapping[str, Any]
    unknown: Mapping[str, Any]
    timestamped: bool = True

    def post(
        self, client: Client, body: bytes | Mapping[str, Any], *, at: datetime, secret: str = "", **more: Any
    ) -> HttpResponse:
        """Signed, as the sender would."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {**self.sign(raw, secret or self.secret, at), **more}
        return send(client, self.path, raw, headers)


def send(client: Client, path: str, raw: bytes, headers: Headers) -> HttpResponse:
    return client.post(path, raw, content_type="application/json", headers=dict(headers))
