"""Broadcasts: begun once, queued whole, throttled, tried, paused, stopped, done. Each recipient has exactly one end."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections

from campaigns.broadcasts import audience, control, deciding, holding, progress, queuing, running, scheduling
from campaigns.broadcasts.checking import BroadcastRefused
from campaigns.models import Broadcast, BroadcastChange, BroadcastRun, BroadcastVariant, Message
from tests.campaigns import broadcasting as made
from tests.campaigns.sequences import count_queries, people
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def at(**span: float) -> datetime:
    return NOON + timedelta(**span)


# --- beginning


def test_everybody_gets_one_message_at_once():
    leads = people(7)
    run = made.queued()
    assert (run.state, run.recipients, run.excluded) == ("sending", 7, 0)
    assert set(run.messages.values_list("lead_id", "key")) == {
        (lead.pk, f"broadcast:{run.pk}:{lead.pk}") for lead in leads
    }
    assert set(run.messages.values_list("state", "due_at", "message_class")) == {("ready", NOON, "marketing")}


def test_repeating_the_tick_changes_nothing():
    people(5)
    run = made.queued()
    for _ in range(3):
        running.run_due(now=at(minutes=1))
    assert BroadcastRun.objects.count() == 1
    assert run.messages.count() == 5


def test_a_later_moment_is_waited_for():
    people(2)
    news = made.going(send_at=at(hours=1))
    running.run_due(now=at(minutes=59))
    assert not news.runs.exists()
    running.run_due(now=at(hours=1))
    assert news.runs.get().occurs_at == at(hours=1)


def test_a_moment_that_passed_during_an_outage_is_made_up_for():
    people(2)
    news = made.going(send_at=at(hours=1))
    running.run_due(now=at(hours=9))
    assert news.runs.get().recipients == 2


def test_by_its_late_policy_a_moment_is_missed_and_said_so():
    people(2)
    news = made.going(send_at=at(hours=1), late_after=timedelta(hours=2))
    running.run_due(now=at(hours=9))
    run = news.runs.get()
    news.refresh_from_db()
    assert (run.state, run.recipients, news.status) == ("missed", 0, "stopped")
    assert "meant for 2026-03-02 13:00 UTC" in run.reason
    assert not Message.objects.exists()


# --- by a crontab


def test_every_week_at_nine_in_berlin_also_over_the_change_of_the_clock():
    people(1)
    berlin = made.crontab(day_of_week="tue", timezone="Europe/Berlin")
    weekly = made.going(crontab=berlin, now=datetime(2026, 3, 22, tzinfo=UTC))
    for day in range(22, 50):
        for hour in (6, 7, 8, 9):
            running.run_due(now=datetime(2026, 3, 1, hour, tzinfo=UTC) + timedelta(days=day))
    begun = [run.occurs_at for run in weekly.runs.order_by("occurs_at")]
    assert begun == [
        datetime(2026, 3, 24, 8, tzinfo=UTC),
        datetime(2026, 3, 31, 7, tzinfo=UTC),
        datetime(2026, 4, 7, 7, tzinfo=UTC),
        datetime(2026, 4, 14, 7, tzinfo=UTC),
    ]


def test_an_outage_of_weeks_is_no_burst():
    people(1)
    weekly = made.going(crontab=made.crontab(day_of_week="tue"))
    running.run_due(now=at(days=30))
    run = weekly.runs.get()
    assert run.occurs_at == datetime(2026, 3, 31, 9, tzinfo=UTC)
    assert run.reason == "late: 4 earlier ones had passed and were left out"
    assert run.messages.count() == 1


def test_a_missed_moment_of_a_crontab_leaves_the_next_one_alone():
    people(1)
    weekly = made.going(crontab=made.crontab(day_of_week="tue"), late_after=timedelta(hours=1))
    running.run_due(now=at(days=2))
    running.run_due(now=datetime(2026, 3, 10, 9, tzinfo=UTC))
    assert list(weekly.runs.order_by("pk").values_list("state", "recipients")) == [("missed", 0), ("sending", 1)]


def test_mails_in_turn_one_each_time_and_then_it_stands_still_and_says_so():
    people(1)
    series = {"one": 50, "two": 50}
    weekly = made.going(crontab=made.crontab(day_of_week="tue"), in_turn=True, variants=series)
    for week in range(4):
        running.run_due(now=datetime(2026, 3, 3, 9, tzinfo=UTC) + timedelta(weeks=week))
    weekly.refresh_from_db()
    keys = [[mail["key"] for mail in run.variants] for run in weekly.runs.order_by("pk")]
    assert keys == [["one"], ["two"]]
    assert (weekly.status, weekly.note) == ("paused", "all 2 mails were sent; add more and schedule it again")
    again = made.mail("news-three")
    BroadcastVariant.objects.create(broadcast=weekly, key="three", template=again, position=3)
    now = datetime(2026, 4, 1, tzinfo=UTC)
    control.resume(weekly, actor=None, now=now)
    running.run_due(now=now + timedelta(days=7))
    assert [mail["key"] for mail in weekly.runs.latest("pk").variants] == ["three"]


# --- who gets it


def test_a_segment_without_those_in_others_and_those_of_a_rule():
    ana, ben, cem = people(4)[:3]
    readers, clients = made.segment("readers", [ana, ben, cem]), made.segment("clients", [ben])
    readers.rule = {"field": "job_title", "op": "is_set"}
    readers.save()
    news = made.broadcast(segment=readers, excluded_rule={"field": "email", "op": "eq", "value": cem.email})
    news.excluded_segments.add(clients)
    assert audience.estimate(news, now=NOON) == audience.Estimate(1, 2)
    control.schedule(news, actor=None, now=NOON)
    running.run_due(now=NOON)
    run = news.runs.get()
    assert (run.recipients, run.excluded) == (1, 2)
    assert run.messages.get().lead == ana


def test_a_segment_whose_rule_changed_is_refreshed_first():
    ana, ben = people(2)
    readers = made.segment("readers", [ana])
    readers.rule = {"field": "email", "op": "eq", "value": ben.email}
    readers.renew()
    readers.save()
    run = made.queued(segment=readers)
    assert run.messages.get().lead == ben


def test_chunks_go_on_behind_the_last_one_that_was_committed(monkeypatch):
    monkeypatch.setattr(queuing, "CHUNK", 3)
    people(8)
    news = made.going(per_hour=3600)
    scheduling.start_due(now=NOON)
    run = news.runs.get()
    queuing.queue_chunk(run.pk, now=NOON)
    run.refresh_from_db()
    assert (run.state, run.recipients, run.messages.count()) == ("queuing", 3, 3)
    running.run_due(now=NOON)  # the worker died; another one comes
    run.refresh_from_db()
    assert (run.state, run.recipients, run.messages.count()) == ("sending", 8, 8)
    due = run.messages.order_by("pk").values_list("due_at", flat=True)
    assert list(due) == [at(seconds=place) for place in range(8)]


def test_a_chunk_costs_the_same_queries_whatever_is_in_it():
    people(3)
    news = made.going()
    scheduling.start_due(now=NOON)
    with count_queries() as few:
        queuing.queue_chunk(news.runs.get().pk, now=NOON)
    people(40)
    other = made.going("other")
    scheduling.start_due(now=NOON)
    with count_queries() as many:
        queuing.queue_chunk(other.runs.get().pk, now=NOON)
    assert len(few) == len(many) <= 8


def test_the_late_policy_is_on_every_message():
    people(1)
    run = made.queued(late_after=timedelta(hours=6))
    assert run.messages.get().expires_at == at(hours=6)


# --- variants and a holdback


def test_variants_go_to_everybody_by_weight():
    people(60)
    run = made.queued(variants={"a": 50, "b": 50, "c": 0})
    keys = set(run.messages.values_list("variant_key", flat=True))
    assert keys == {"a", "b"}
    assert not run.messages.filter(is_held=True).exists()


def test_a_test_first_then_the_winner_for_the_others():
    people(400)
    run = made.queued(variants={"a": 50, "b": 50}, test_percent=50, test_wait=timedelta(hours=4), per_hour=3600)
    held = run.messages.filter(is_held=True)
    trying = run.messages.filter(is_held=False)
    assert (run.state, run.tested, run.recipients) == ("testing", trying.count(), 400)
    assert 140 < trying.count() < 260
    assert run.decide_at == at(hours=4, seconds=trying.count() - 1)
    made.settle(run, is_held=False)
    for message in trying.filter(variant_key="b")[:40]:
        made.click(message)
    for message in trying.filter(variant_key="a")[:60]:
        made.click(message, verdict="machine")
    waiting = held.count()
    running.run_due(now=run.decide_at - timedelta(seconds=1))
    assert held.count() == waiting
    later = run.decide_at
    running.run_due(now=later)
    run.refresh_from_db()
    assert (run.state, run.winner_key) == ("sending", "b")
    assert run.winner_reason.startswith("experiment: b was clicked more")
    let_go = run.messages.filter(state="ready").order_by("pk")
    winner = Broadcast.objects.get().variants.get(key="b").template.current_version_id
    assert set(let_go.values_list("variant_key", "is_held", "template_version")) == {("b", False, winner)}
    assert list(let_go.values_list("due_at", flat=True)[:2]) == [later, later + timedelta(seconds=1)]
    assert BroadcastChange.objects.get(action="decided").detail == {"people": waiting}


def test_without_clicks_the_heavier_variant_goes():
    people(30)
    run = made.queued(variants={"a": 40, "b": 60}, test_percent=50)
    made.settle(run, is_held=False)
    running.run_due(now=at(days=1))
    run.refresh_from_db()
    assert run.winner_key == "b"
    assert "no clear winner" in run.winner_reason


def test_a_person_may_choose_the_winner_before_its_time():
    people(30)
    run = made.queued(variants={"a": 50, "b": 50}, test_percent=50)
    assert deciding.decide(run.pk, now=NOON, key="b")
    run.refresh_from_db()
    assert (run.winner_key, run.winner_reason) == ("b", "experiment: b was chosen by hand")
    assert not deciding.decide(run.pk, now=NOON, key="a")


# --- people's hands


def test_pausing_holds_everybody_and_resuming_moves_what_was_to_come():
    people(4)
    run = made.queued(per_hour=1, late_after=timedelta(hours=1))
    news = run.broadcast
    made.settle(run, due_at=NOON)
    assert control.pause(news, actor=None, now=at(minutes=30)) == 3
    assert control.pause(news, actor=None, now=at(minutes=30)) is None
    assert set(run.messages.filter(state="ready").values_list("is_held", "reason")) == {
        (True, "hold: the broadcast is paused")
    }
    running.run_due(now=at(hours=3))
    assert control.resume(news, actor=None, now=at(hours=5, minutes=30)) == 3
    ready = run.messages.filter(state="ready", is_held=False).order_by("pk")
    assert list(ready.values_list("due_at", "expires_at")) == [(at(hours=5 + n), at(hours=6 + n)) for n in (1, 2, 3)]
    assert list(BroadcastChange.objects.order_by("pk").values_list("action", flat=True)) == [
        "scheduled",
        "started",
        "paused",
        "resumed",
    ]


def test_a_paused_test_is_decided_later_by_the_length_of_the_pause():
    people(30)
    run = made.queued(variants={"a": 50, "b": 50}, test_percent=50)
    waiting = run.messages.filter(is_held=True).count()
    planned = run.decide_at
    control.pause(run.broadcast, actor=None, now=at(hours=1))
    running.run_due(now=at(days=2))
    control.resume(run.broadcast, actor=None, now=at(days=2))
    run.refresh_from_db()
    assert run.state == "testing"
    assert run.decide_at == planned + timedelta(hours=47)
    assert run.messages.filter(is_held=True, reason="hold: waits for the winner of the variants").count() == waiting


def test_moments_of_a_crontab_during_a_pause_are_not_made_up_for():
    people(1)
    weekly = made.going(crontab=made.crontab(day_of_week="tue"))
    control.pause(weekly, actor=None, now=NOON)
    control.resume(weekly, actor=None, now=at(days=4))
    running.run_due(now=at(days=4, hours=1))
    assert not weekly.runs.exists()
    running.run_due(now=at(days=8))
    assert weekly.runs.count() == 1


def test_stopping_cancels_what_is_open_with_its_reason():
    people(3)
    run = made.queued()
    first = run.messages.first()
    Message.objects.filter(pk=first.pk).update(state="sending")
    assert control.stop(run.broadcast, actor=None, reason="wrong price", now=at(minutes=1)) == 3
    run.refresh_from_db()
    first.refresh_from_db()
    assert (run.state, run.broadcast.status) == ("stopped", "stopped")
    assert (first.state, first.stop_reason) == ("sending", "stopped: wrong price")
    assert set(run.messages.exclude(pk=first.pk).values_list("state", "reason")) == {
        ("canceled", "stopped: wrong price")
    }
    running.run_due(now=at(days=1))
    assert BroadcastRun.objects.count() == 1


def test_one_recipient_is_held_let_go_or_canceled():
    people(3)
    run = made.queued()
    one, two, three = run.messages.order_by("pk").values_list("pk", flat=True)
    assert control.hold([one, two]) == 2
    assert control.cancel([two], reason="asked by phone", now=at(minutes=1)) == 1
    control.pause(run.broadcast, actor=None, now=at(minutes=2))
    assert control.let_go([one]) == 1  # what pauses everybody holds this one too, now
    assert Message.objects.get(pk=one).reason == "hold: the broadcast is paused"
    control.resume(run.broadcast, actor=None, now=at(minutes=3))
    assert Message.objects.get(pk=two).reason == "canceled: asked by phone"
    assert set(run.messages.filter(is_held=False, state="ready").values_list("pk", flat=True)) == {one, three}


def test_one_who_waits_for_the_winner_and_is_held_by_hand_gets_the_winner_when_let_go():
    people(30)
    run = made.queued(variants={"a": 50, "b": 50}, test_percent=50)
    one, two = run.messages.filter(is_held=True)[:2]
    control.hold([one.pk, two.pk])
    control.let_go([two.pk])
    two.refresh_from_db()
    assert (two.is_held, two.reason) == (True, "hold: waits for the winner of the variants")
    deciding.decide(run.pk, now=at(hours=1), key="b")
    one.refresh_from_db()
    assert (one.is_held, one.variant_key, one.reason) == (True, "b", holding.BY_HAND)
    assert control.let_go([one.pk]) == 1


# --- done


def test_it_is_done_when_nobody_is_open_any_more():
    leads = people(3)
    run = made.queued()
    made.settle(run, lead=leads[0])
    made.settle(run, "suppressed", lead=leads[1])
    running.run_due(now=at(minutes=1))
    run.refresh_from_db()
    assert run.state == "sending"
    made.settle(run, "unknown", lead=leads[2])
    running.run_due(now=at(minutes=2))
    run.refresh_from_db()
    assert (run.state, run.done_at) == ("done", at(minutes=2))
    assert run.counts == {"sent": 1, "suppressed": 1, "unknown": 1, "clicked": 0}
    assert Broadcast.objects.get().status == "done"


def test_nobody_to_send_to_is_done_at_once():
    run = made.queued(segment=made.segment("empty", []))
    run.refresh_from_db()
    assert (run.state, run.recipients) == ("done", 0)


def test_a_broadcast_that_is_done_may_go_out_again():
    people(2)
    run = made.queued()
    made.settle(run)
    running.run_due(now=at(minutes=1))
    control.schedule(run.broadcast, actor=None, now=at(days=1))
    running.run_due(now=at(days=1))
    assert [each.recipients for each in BroadcastRun.objects.all()] == [2, 2]


def test_counts_are_taken_again_only_now_and_then():
    people(2)
    run = made.queued()
    made.settle(run, lead=run.messages.first().lead)
    progress.count_due(now=at(seconds=5))
    run.refresh_from_db()
    assert run.counts["ready"] == 2
    progress.count_due(now=at(seconds=11))
    run.refresh_from_db()
    assert (run.counts["ready"], run.counts["sent"]) == (1, 1)


# --- what is refused


def refused(**changes) -> list[str]:
    variants = changes.pop("variants", None)
    news = made.broadcast(variants=variants, **changes)
    with pytest.raises(BroadcastRefused) as caught:
        control.schedule(news, actor=None, now=NOON)
    news.refresh_from_db()
    assert news.status == "draft"
    return [str(problem) for problem in caught.value.problems]


def test_a_transactional_mail_is_refused():
    receipt = made.mail("receipt", message_class="transactional")
    assert refused(template=receipt) == [
        "template: receipt is a transactional mail; a broadcast is marketing, so that people can opt out"
    ]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"template": None}, "template"),
        ({"in_turn": True, "variants": {"a": 50}}, "in_turn"),
        ({"variants": {"a": 0, "b": 0}}, "variants"),
        ({"test_percent": 20}, "test_percent"),
        ({"test_percent": 20, "variants": {"a": 50, "b": 0}}, "test_percent"),
        ({"test_percent": 20, "variants": {"a": 50, "b": 50}, "test_wait": timedelta(minutes=1)}, "test_wait"),
        ({"excluded_rule": {"field": "shoe_size", "op": "eq", "value": 44}}, "excluded_rule.field"),
        ({"window": {"from": "nine", "until": "17:00"}}, "window.from"),
        ({"send_at": NOON - timedelta(days=2), "late_after": timedelta(days=1)}, "send_at"),
    ],
)
def test_what_cannot_go_out_is_refused_with_its_place(changes, where):
    assert [problem.split(":")[0] for problem in refused(**changes)] == [where]


def test_a_crontab_that_comes_round_all_the_time_is_refused():
    assert "more than once an hour" in refused(crontab=made.crontab(minute="*", hour="*"))[0]


def test_a_segment_that_is_switched_off_is_refused():
    readers = made.segment("readers", [])
    readers.is_active = False
    readers.save()
    assert refused(segment=readers) == ["segment: the segment readers is switched off, so nobody is in it"]


def test_a_mail_that_cannot_be_published_is_refused():
    broken = made.mail("broken", body="<html>{{ lead.first_name")
    assert refused(template=broken)[0].startswith("templates.broken: body")


def test_what_broke_after_scheduling_makes_it_stand_still_and_say_why():
    people(1)
    news = made.going(segment=made.segment("readers", []), send_at=at(hours=1))
    news.segment.is_active = False
    news.segment.save()
    running.run_due(now=at(hours=1))
    news.refresh_from_db()
    assert (news.status, news.runs.count()) == ("paused", 0)
    assert "switched off" in news.note


# --- many workers


@pytest.mark.django_db(transaction=True)
def test_parallel_ticks_make_one_run_and_one_message_each(monkeypatch):
    monkeypatch.setattr(queuing, "CHUNK", 20)
    people(100)
    made.going()
    barrier, problems = threading.Barrier(4), []

    def tick() -> None:
        try:
            barrier.wait(10)
            running.run_due(now=NOON)
        except Exception as problem:  # the test tells it
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    running.run_due(now=NOON)
    run = BroadcastRun.objects.get()
    assert problems == []
    assert (run.state, run.recipients, run.messages.count()) == ("sending", 100, 100)


def test_an_idle_tick_asks_little():
    people(3)
    made.queued()
    Broadcast.objects.update(status="done")
    BroadcastRun.objects.update(state="done", done_at=NOON - timedelta(days=40))
    with count_queries() as queries:
        assert running.run_due(now=at(days=1)) == 0
    assert len(queries) <= 5
    assert connection.vendor == "postgresql"
