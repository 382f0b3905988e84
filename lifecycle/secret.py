"""The secret key of an installation that was not given one."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def kept_in(path: Path) -> str:
    """The key in `path`, made there on the first call; readable by its owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written aside and linked into place: of two first starts at once, both end with the same whole key.
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        if not path.exists():
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(48))
            try:
                os.link(draft, path)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path.read_text().strip()
    except PermissionError as problem:
        raise ImproperlyConfigured(
            f"VAR_DIR: cannot use {path}; give the folder to this user, choose another, or set SECRET_KEY"
        ) from problem


def webhook_secret(key: str) -> str:
    """The secret that signs webhooks, made of the installation's key: whsec_ and base64."""
    derived = hmac.new(key.encode(), b"lifecycle: webhooks", hashlib.sha256).digest()
    return "whsec_" + base64.b64encode(derived).decode()
