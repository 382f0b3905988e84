"""How Celery talks to its broker, by kind of broker."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Longer than any task may run, so that a message is not handed out again while its task still works.
VISIBILITY_SECONDS = 300


def transport(url: str) -> str | None:
    """The transport of a broker address where it is ours; None leaves the choice to Kombu."""
    return "lifecycle.folder_broker:Transport" if urlsplit(url).scheme == "filesystem" else None


def transport_options(url: str, folder: Path) -> dict[str, Any]:
    """Kombu's transport options for a broker address; `folder` holds the messages of the embedded broker."""
    scheme = urlsplit(url).scheme
    if scheme == "filesystem":
        return filesystem(folder)
    if scheme in ("redis", "rediss", "sentinel"):
        # Kombu looks for messages of dead workers every interval * throttle seconds: 100 as it ships.
        return {
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
        }
    return {}


def filesystem(folder: Path) -> dict[str, Any]:
    messages, control, processed = folder / "messages", folder / "control", folder / "processed"
    for part in (messages, control, processed):
        part.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(messages),
        "data_folder_out": str(messages),
        "control_folder": str(control),
        # Kombu moves a message aside before it reads and deletes it; on our own disk that is a rename.
        "processed_folder": str(processed),
        "polling_interval": 0.1,
    }
