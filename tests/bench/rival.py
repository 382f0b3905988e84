"""The process that runs django-post_office: fills its queue with finished mails, then times its own command's work."""

import json
import logging
import os
import sys
import time
from importlib import import_module
from typing import Any

from django.core.management import call_command

PROCESSES = 2


def main(arguments: list[str]) -> int:
    sys.stdout.write(json.dumps(_measured(*arguments)) + "\n")
    sys.stdout.flush()
    return 0


def _measured(count: str, subject: str, text: str, html: str) -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    post_office = import_module("post_office.mail")  # a tool of developers, so not an import of ours
    queue, queued = post_office.Email.objects, post_office.STATUS.queued
    body, markup = bytes.fromhex(text).decode(), bytes.fromhex(html).decode()
    queue.bulk_create(
        post_office.Email(
            from_email="Acme <hello@crm.example.com>",
            to=[f"lead{n}@company.example"],
            subject=subject,
            message=body,
            html_message=markup,
            headers={"List-Unsubscribe": f"<https://crm.example.com/u/{n}>"},
            status=queued,
            priority=post_office.PRIORITY.medium,
        )
        for n in range(int(count))
    )
    logging.disable(logging.INFO)
    lockfile = os.path.join(os.environ["BENCH_VAR_DIR"], "post_office")
    began = time.perf_counter()
    post_office.send_queued_mail_until_done(lockfile, processes=PROCESSES)
    seconds = time.perf_counter() - began
    return {"left": queue.filter(status=queued).count(), "rate": int(count) / seconds}
