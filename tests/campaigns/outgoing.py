"""A mail ready to go, for the tests of everything that carries it."""

from datetime import UTC, datetime
from typing import Any

from campaigns.sending.delivery import Outgoing


def outgoing(message_id: int = 1, to_email: str = "ann@example.com", **changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "message_id": message_id,
        "key": f"enrollment:{message_id}:welcome",
        "message_id_header": f"<{message_id}.welcome@lifecycle.test>",
        "from_email": "hello@acme.test",
        "from_name": "Acme",
        "to_email": to_email,
        "to_name": "Ann Example",
        "reply_to": "",
        "subject": "Your first week",
        "html": "<p>Hello Ann</p>\n",
        "text": "Hello Ann\n",
        "unsubscribe_url": "https://acme.test/u/token",
        "unsubscribe_mailto": "unsubscribe+token@acme.test",
        "date": datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
    }
    return Outgoing(**(values | changes))
