"""The one first start of a run, from nothing, and installations that begin where it ended."""

import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from lifecycle import postgres
from lifecycle.supervisor.preparation import PLAYBOOKS
from tests.once import folder, once
from tests.supervisor.product import COUNT_USERS, Product, product

PAGES = ("/healthz", "/readyz", "/admin/login/", "/static/admin/css/base.css")
# Of the first start, neither its administrator stays nor what it noted about itself: each copy is nobody's copy.
UNUSED = (
    "DELETE FROM auth_user",
    "UPDATE leads_workspace SET instance_id = NULL",
    f"DELETE FROM lifecycle_moment WHERE name <> '{PLAYBOOKS}'",
)


@dataclass(frozen=True)
class FirstStart:
    """What a newcomer met: the terminal, the port, each page's status; the end by SIGTERM; what a command said then."""

    said: str
    port: int
    pages: dict[str, int]
    code: int
    users: str
    left: list[str]


def first_start() -> FirstStart:
    """`manage.py up` in an empty folder: it takes half a minute, so it is done once for all of the run's processes."""
    return FirstStart(**json.loads(once("first-start", start_from_nothing)))


def install(var_dir: Path, *, owner: str | None = None) -> None:
    """Make `var_dir` what the first start left, without an administrator: the next start finds everything prepared."""
    first_start()
    source = postgres.locate(home() / "var").root
    subprocess.run(["cp", "-a", str(home() / "var"), str(var_dir)], check=True)
    if not source.is_relative_to(home()):
        subprocess.run(["cp", "-a", str(source), str(postgres.locate(var_dir).root)], check=True)
    if owner:
        subprocess.run(["chown", "-R", owner, str(var_dir)], check=True)


def home() -> Path:
    return folder() / "first"


def start_from_nothing() -> str:
    shutil.rmtree(home(), ignore_errors=True)
    home().mkdir(mode=0o755)
    with product(home() / "var", environ={"ADMIN_EMAIL": "ada@example.com"}) as it:
        it.start()
        pages = {page: it.get(page) for page in PAGES}
        code = it.stop()
        it.wait_gone()
        users = it.manage("shell", "-v0", "-c", COUNT_USERS)
        met = FirstStart(it.said(), it.port, pages, code, users, left=list(it.descendants().values()))
        forget_it_was_used(it)
    return json.dumps(asdict(met))


def forget_it_was_used(it: Product) -> None:
    place = postgres.locate(it.var_dir)
    with (
        postgres.running(place),
        psycopg.connect(host=str(place.socket), user="lifecycle", dbname="lifecycle") as connection,
    ):
        for statement in UNUSED:
            connection.execute(statement)
    (it.var_dir / "instance.json").unlink(missing_ok=True)
    shutil.rmtree(it.var_dir / "broker", ignore_errors=True)
