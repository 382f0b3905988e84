"""The transport of the demo: mail goes to the inboxes of its people, that of the last days to /mailbox/ as well."""

import re
from collections.abc import Sequence
from datetime import datetime
from html import unescape

from campaigns.sending.delivery.contract import Outcome, Outgoing, Receipt
from campaigns.sending.delivery.preview import MailboxTransport
from lifecycle.demo.acts import Mail
from lifecycle.demo.people import Inbox, Person

_LINK = re.compile(r'href="[^"]*?(/c/[^"]+)"')
_PICTURE = re.compile(r'src="[^"]*?(/o/[^"]+)"')


class Inboxes:
    """A Transport. `arrived` holds what came in since it was last emptied."""

    batch_size = 200

    def __init__(self, *, kept_from: datetime) -> None:
        self.arrived: list[tuple[Person, Mail]] = []
        self._people: dict[str, Person] = {}
        self._kept_from = kept_from
        self._mailbox = MailboxTransport()

    def add(self, person: Person) -> None:
        self._people[person.email] = person

    def deliver(self, batch: Sequence[Outgoing]) -> list[Receipt]:
        receipts = [self._deliver(outgoing) for outgoing in batch]
        self._mailbox.deliver(
            [
                outgoing
                for outgoing, receipt in zip(batch, receipts, strict=True)
                if receipt.outcome is Outcome.SENT and outgoing.date >= self._kept_from
            ]
        )
        return receipts

    def close(self) -> None:
        """Nothing is held open."""

    def _deliver(self, outgoing: Outgoing) -> Receipt:
        person = self._people[outgoing.to_email]
        if person.inbox is Inbox.DEAD and person.number % 3 == 0:
            return Receipt(outgoing.message_id, Outcome.REJECTED, "550 5.1.1 there is no such mailbox")
        self.arrived.append((person, opened(outgoing)))
        return Receipt(outgoing.message_id, Outcome.SENT, "delivered to an inbox of the demo")


def opened(outgoing: Outgoing) -> Mail:
    picture = _PICTURE.search(outgoing.html)
    return Mail(
        key=outgoing.key,
        at=outgoing.date,
        links=tuple(dict.fromkeys(unescape(link) for link in _LINK.findall(outgoing.html))),
        picture=unescape(picture[1]) if picture else "",
        way_out=path_of(outgoing.unsubscribe_url or ""),
    )


def path_of(url: str) -> str:
    return url[url.find("/u/") :] if url else ""
