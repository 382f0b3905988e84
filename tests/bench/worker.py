"""One worker process of a run: gets ready, says so, waits for its word, works, reports, waits to be ended.

send ISO-TIME          the outbox, until nothing is due at that time
smtp PORT COUNT HEX    ready-made bytes, for the floor
post ADDRESS PATH COUNT PREFIX    forms over HTTP, over some open connections
track ADDRESS PATH KEY WHOSE BATCH COUNT LABEL    tracking calls likewise
"""

import json
import os
import smtplib
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from campaigns.sending import outbox
from campaigns.sending.delivery.contract import open_transport
from campaigns.sending.delivery.smtp_session import Job, Reply, SmtpSession
from tests.bench import calls

BATCH = 500
GROUP = 50
CONNECTIONS = 8


def main(arguments: list[str]) -> int:
    work = {"send": _send, "smtp": _smtp, "post": _post, "track": _track}[arguments[0]](*arguments[1:])
    _say("ready")
    sys.stdin.readline()
    _say(json.dumps(work()))
    sys.stdin.read()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _send(at: str) -> Callable[[], dict[str, Any]]:
    now, transport = datetime.fromisoformat(at), open_transport()
    connection.ensure_connection()

    def work() -> dict[str, Any]:
        sent, claims, memory = 0, 0, []
        began, cpu = time.perf_counter(), time.process_time()
        while (counts := outbox.send(transport, now=now, limit=BATCH)).claimed:
            sent += counts.sent
            claims += 1
            memory.append(_megabytes())
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        transport.close()
        return {"sent": sent, "claims": claims, "seconds": seconds, "cpu": cpu, "memory": memory}

    return work


def _smtp(port: str, count: str, raw: str) -> Callable[[], dict[str, Any]]:
    session, data = SmtpSession(_greeted(int(port))), bytes.fromhex(raw)

    def work() -> dict[str, Any]:
        refused = 0

        def settle(job: Job, reply: Reply) -> None:
            nonlocal refused
            refused += not reply.ok

        for start in range(0, int(count), GROUP):
            jobs = (
                Job(position, start, "hello@crm.example.com", "lead@company.example", data) for position in range(GROUP)
            )
            session.run(deque(jobs), settle)
        return {"refused": refused}

    return work


def _greeted(port: int) -> smtplib.SMTP:
    server = smtplib.SMTP("127.0.0.1", port)
    server.ehlo()
    return server


def _post(address: str, path: str, count: str, prefix: str) -> Callable[[], dict[str, Any]]:
    host = urlsplit(address)

    def session(numbers: range) -> Counter[int]:
        http, statuses = HTTPConnection(str(host.hostname), host.port), Counter[int]()
        for number in numbers:
            http.request("POST", path, _form(f"{prefix}-{number}"), {"Content-Type": "application/json"})
            answer = http.getresponse()
            answer.read()
            statuses[answer.status] += 1
        http.close()
        return statuses

    def work() -> dict[str, Any]:
        parts = [range(first, int(count), CONNECTIONS) for first in range(CONNECTIONS)]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            return {"statuses": sum(pool.map(session, parts), Counter[int]())}

    return work


def _track(address: str, path: str, key: str, *told: str) -> Callable[[], dict[str, Any]]:
    host, (whose, batch, count, label) = urlsplit(address), told
    waiting, sent = calls.bodies(whose, int(batch), int(count), label), calls.headers(key)

    def session(bodies: list[bytes]) -> Counter[str]:
        http, answers = HTTPConnection(str(host.hostname), host.port), Counter[str]()
        for body in bodies:
            http.request("POST", path, body, sent)
            answer = http.getresponse()
            answers[f"{answer.status} {answer.read().decode()}"] += 1
        http.close()
        return answers

    def work() -> dict[str, Any]:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            parts = [waiting[first::CONNECTIONS] for first in range(CONNECTIONS)]
            return {"answers": sum(pool.map(session, parts), Counter[str]())}

    return work


def _form(name: str) -> bytes:
    answers = {
        "email": f"{name}@acme-{name[-3:]}.example",
        "first_name": "Ada",
        "company": "Acme",
        "message": "How do you count?",
    }
    return json.dumps(answers).encode()


def _megabytes() -> float:
    """Memory of this process that is in use now; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
