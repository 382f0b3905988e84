"""What a refusal says about the address: only that nobody has it is a reason never to write there again. Pure."""

import re

# RFC 3463: no such mailbox, no such domain, not an address, moved away, takes no mail at all (RFC 7505).
_NOBODY = re.compile(r"\b5\.1\.(1|2|3|6|10)\b")
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")
# Servers that give no such code say it in words.
_WORDS = re.compile(
    r"(user|recipient|mailbox|address|account)( is)? (unknown|not found|does ?n[o']t exist|not exist)"
    r"|(unknown|no such|invalid|nonexistent) (local )?(user|recipient|mailbox|address|account)",
    re.IGNORECASE,
)
# A server that does not like who writes speaks of that address.
_OF_US = re.compile(r"\b(sender|mail from|from address|return[- ]path)\b", re.IGNORECASE)
_MAILBOX_CODES = ("550", "551", "553", "511")


def is_of_nobody(detail: str) -> bool:
    """Whether a server's final answer says that the address is nobody's. A refusal for any other reason (spam, size,
    policy, a full mailbox) says nothing about the person."""
    code, _, text = detail.partition(" ")
    if _ENHANCED.search(text):
        return bool(_NOBODY.search(text))
    return code in _MAILBOX_CODES and bool(_WORDS.search(text)) and not _OF_US.search(text)
