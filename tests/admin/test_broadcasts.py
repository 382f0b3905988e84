"""The pages of broadcasts: what they say, who may do what, and that 100,000 recipients page fast."""

import json
from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.broadcasts import recipients, running
from campaigns.consent.suppressing import suppress
from campaigns.models import Broadcast, BroadcastChange, BroadcastRun, Message
from leads.addresses import hash_of
from lifecycle.core import sql
from tests import staff
from tests.campaigns import broadcasting as made
from tests.campaigns.sequences import people
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def url(broadcast: Broadcast, act: str = "") -> str:
    page = reverse("admin:campaigns_broadcast_change", args=[broadcast.pk])
    return reverse(f"admin:campaigns_broadcast_{act}", args=[broadcast.pk]) if act else page


def do(client, broadcast: Broadcast, act: str, **fields):
    return client.post(url(broadcast, act), {"_form_submitted": "on", **fields})


def fields(**changes):
    inline = {f"variants-{name}": value for name, value in (("TOTAL_FORMS", 0), ("INITIAL_FORMS", 0))}
    inline |= {f"{tab}-{name}": 0 for tab in ("runs", "changes") for name in ("TOTAL_FORMS", "INITIAL_FORMS")}
    values = {"name": "News", "slug": "news", "priority": 0, "test_percent": 0, "test_wait": "4h", "description": ""}
    return {**values, "excluded_rule": "", "late_after": "", **inline, **changes}


def test_a_marketer_writes_schedules_and_stops_one():
    people(3)
    client = staff.colleague("marketer")
    saved = client.post(reverse("admin:campaigns_broadcast_add"), fields(template=made.mail().pk))
    assert saved.status_code == 302
    news = Broadcast.objects.get()
    assert "About 3 people." in client.get(url(news)).content.decode()
    asked = client.get(url(news, "send_now")).content.decode()
    assert "About 3 people." in asked
    assert "It goes out at once." in asked
    do(client, news, "send_now")
    running.run_due(now=NOON + timedelta(days=400))
    assert "3 people of it are not mailed yet" in client.get(url(news, "pause")).content.decode()
    do(client, news, "pause")
    assert Message.objects.filter(is_held=True).count() == 3
    do(client, news, "resume")
    do(client, news, "stop", reason="wrong price")
    assert set(Message.objects.values_list("state", "reason")) == {("canceled", "stopped: wrong price")}
    who = set(BroadcastChange.objects.exclude(actor=None).values_list("actor__username", "action"))
    assert who == {("marketer@example.com", act) for act in ("scheduled", "paused", "resumed", "stopped")}


def test_what_is_in_the_way_is_said_before_and_after():
    news = made.broadcast(template=made.mail("receipt", message_class="transactional"))
    client = staff.colleague("marketer")
    assert "receipt is a transactional mail" in client.get(url(news, "schedule")).content.decode()
    do(client, news, "schedule")
    assert "Not scheduled. template: receipt" in client.get(url(news)).content.decode()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"excluded_rule": '{"field": "shoe", "op": "eq", "value": 1}'}, "field"),
        ({"late_after": "soon"}, "Write a length of time like 30m, 2h or 7d."),
        ({"window_from": "09:00"}, "until"),
    ],
)
def test_a_bad_field_is_refused_at_its_place(changes, complaint):
    page = staff.colleague("marketer").post(reverse("admin:campaigns_broadcast_add"), fields(**changes))
    assert page.status_code == 200
    assert complaint in page.content.decode()
    assert not Broadcast.objects.exists()


def test_sales_look_and_do_not_touch():
    people(1)
    run = made.queued()
    client = staff.colleague("sales")
    for page in (
        reverse("admin:campaigns_broadcast_changelist"),
        url(run.broadcast),
        reverse("admin:campaigns_broadcastrun_change", args=[run.pk]),
        reverse("admin:campaigns_broadcastrun_people", args=[run.pk]),
    ):
        assert client.get(page).status_code == 200
    assert do(client, run.broadcast, "stop").status_code == 403
    chosen = {"message": run.messages.get().pk, "do": "cancel"}
    page = reverse("admin:campaigns_broadcastrun_people", args=[run.pk])
    assert client.post(page, chosen).status_code == 403
    assert run.messages.get().state == "ready"


def test_buttons_fit_the_state():
    news = made.broadcast()
    client = staff.colleague("marketer")
    page = client.get(url(news)).content.decode()
    assert url(news, "schedule") in page
    assert url(news, "pause") not in page
    assert do(client, news, "pause").status_code == 403


def test_a_test_goes_to_colleagues_for_each_mail_and_nobody_counts_it():
    lead = people(1)[0]
    news = made.broadcast(variants={"a": 50, "b": 50})
    news.variants.filter(key="b").update(subject="For {{ lead.email }}")
    blocked = "gone@example.com"
    suppress(hash_of(blocked), scope="everything", reason="hard bounce", source="test", now=NOON)
    client = staff.colleague("marketer")
    do(client, news, "test", to=f"mia@example.com, {blocked}", lead=lead.email)
    assert [(mail.to, mail.subject) for mail in outbox.outbox] == [
        (["mia@example.com"], "[Test] a"),
        (["mia@example.com"], f"[Test] For {lead.email}"),
    ]
    assert not Message.objects.exists()
    assert "bounced or complained" in client.get(url(news)).content.decode()
    assert "Enter a valid email" in do(client, news, "test", to="nonsense").content.decode()


def test_recipients_by_state_and_by_address_and_single_hands():
    leads = people(60)
    run = made.queued()
    made.settle(run, "suppressed", lead=leads[0])
    client = staff.colleague("marketer")
    page = reverse("admin:campaigns_broadcastrun_people", args=[run.pk])
    first = client.get(page).content.decode()
    assert first.count('name="message"') == 50
    after = run.messages.order_by("pk")[49].pk
    assert f"after={after}" in first
    assert client.get(page, {"after": after}).content.decode().count('name="message"') == 10
    assert leads[0].email in client.get(page, {"state": "suppressed"}).content.decode()
    assert "Nobody here" in client.get(page, {"state": "failed"}).content.decode()
    assert leads[7].email in client.get(page, {"q": leads[7].email.upper()}).content.decode()
    one = run.messages.get(lead=leads[7])
    for act, held in (("hold", True), ("let_go", False)):
        client.post(page, {"message": [one.pk, "x"], "do": act})
        one.refresh_from_db()
        assert one.is_held == held
    client.post(page, {"message": one.pk, "do": "cancel"})
    assert run.messages.get(lead=leads[7]).reason == "canceled: by hand"
    for odd in ({"after": "²"}, {"after": "9" * 40}, {"state": "nonsense"}, {"q": "\0%_'"}):
        assert client.get(page, odd).status_code == 200


def test_the_csv_holds_everybody_and_no_formulas():
    leads = people(3)
    leads[0].first_name = "=HYPERLINK(1)"
    leads[0].save()
    run = made.queued()
    answer = staff.colleague("marketer").get(reverse("admin:campaigns_broadcastrun_csv", args=[run.pk]))
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert len(lines) == 4
    assert f"{leads[0].email},'=HYPERLINK(1),,ready," in lines[1]


def test_the_winner_is_chosen_by_hand_in_a_dialog():
    people(30)
    run = made.queued(variants={"a": 50, "b": 50}, test_percent=50)
    client = staff.colleague("marketer")
    act = reverse("admin:campaigns_broadcastrun_choose_winner", args=[run.pk])
    client.post(act, {"_form_submitted": "on", "key": "b"})
    run.refresh_from_db()
    assert run.winner_key == "b"
    assert client.post(act, {"_form_submitted": "on", "key": "a"}).status_code == 403


def test_the_list_takes_the_same_queries_however_many_there_are():
    people(1)
    made.queued()
    client = staff.colleague("marketer")
    page = reverse("admin:campaigns_broadcast_changelist")
    client.get(page)
    with CaptureQueriesContext(connection) as one:
        client.get(page)
    for number in range(8):
        made.queued(f"more-{number}", crontab=None)
    with CaptureQueriesContext(connection) as many:
        assert "Sending" in client.get(page).content.decode()
    assert len(many) == len(one) <= 14


def test_100_000_recipients_page_by_the_index_and_never_count():
    """Twenty thousand rows of two broadcasts stand for them: the plan is the one of the larger table."""
    lead = people(1)[0]
    other, run = made.queued("other"), made.queued()
    version = run.messages.get().template_version_id
    sql.execute(
        """INSERT INTO campaigns_message (key, lead_id, broadcast_run_id, step_key, variant_key, template_version_id,
               message_class, context, priority, subject, state, reason, due_at, created_at, settled_at, attempts,
               stop_reason, provider_id)
           SELECT 'x:' || n, %b::bigint, CASE n %% 3 WHEN 0 THEN %b::bigint ELSE %b::bigint END, '', '', %b::bigint,
               'marketing', '{}', 0, '',
               CASE n %% 2 WHEN 0 THEN 'sent' ELSE 'failed' END, 'x', now(), now(), now(), 0, '', ''
           FROM generate_series(1, 30000) n""",
        [lead.pk, run.pk, other.pk, version],
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_message")
    last = run.messages.order_by("pk")[5_000].pk
    with CaptureQueriesContext(connection) as queries:
        page = recipients.page(BroadcastRun.objects.get(pk=run.pk), after=last)
    assert len(page.rows) == 50
    assert page.rows[0].pk > last
    assert len(queries) == 3
    states = [list(Message.State.values), run.pk, last, 51, 51]
    plan = sql.fetch(f"EXPLAIN (FORMAT JSON) {recipients.PAGE_SQL}", states)[0][0]
    told = json.dumps(plan)
    assert "message_of_broadcast_run" in told
    assert "Seq Scan" not in told
    client = staff.colleague("marketer")
    at = reverse("admin:campaigns_broadcastrun_people", args=[run.pk])
    client.get(at)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(at, {"after": last}).status_code == 200
    assert len(queries) <= 10
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]
