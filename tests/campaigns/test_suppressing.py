"""An opt-out gets through whatever else holds the rows it needs."""

import threading
import time

import psycopg
from django.db import connection

from campaigns.models import Message
from lifecycle.core import sql
from tests.cast import ADA, World, one_click, path_of, run_of

WAITS_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def test_an_opt_out_that_the_database_breaks_off_for_a_deadlock_is_tried_again(live_world: World) -> None:
    world = live_world
    ada = world.submit("contact", **ADA)
    world.run()
    path = path_of(one_click(world.mails_to(ada)[0]))
    world.smtp.script(ada.email, rcpt="451 4.7.1 later")
    world.at(days=7)
    waiting, run = Message.objects.get(state="ready"), run_of(ada, "demo-nurture")
    answers: list[int] = []

    def opt_out() -> None:
        # Looks for a deadlock when the other side surely waits; the other side looks so late that we are the victim.
        sql.execute("SET deadlock_timeout = '3s'")
        answers.append(world.browser.post(path).status_code)
        connection.close()

    facts = connection.settings_dict
    with psycopg.connect(host=facts["HOST"], user=facts["USER"], dbname=facts["NAME"]) as other:
        other.execute("SET deadlock_timeout = '60s'")
        other.execute("SELECT 1 FROM campaigns_message WHERE id = %s FOR NO KEY UPDATE", [waiting.pk])
        thread = threading.Thread(target=opt_out)
        thread.start()
        deadline = time.monotonic() + 10
        while not sql.fetch(WAITS_FOR_A_LOCK, [])[0][0]:
            assert time.monotonic() < deadline
        # The opt-out holds the run and waits for the mail; now we want the run.
        other.execute("SELECT 1 FROM campaigns_enrollment WHERE id = %s FOR NO KEY UPDATE", [run.pk])
    thread.join(30)
    assert answers == [200]
    run.refresh_from_db()
    waiting.refresh_from_db()
    assert (run.exit_reason, waiting.state) == ("unsubscribed", "canceled")
