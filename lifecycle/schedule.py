"""Every periodic job: what, how often, and why. The admin may change the rows; this module never overwrites them.

A job is a tick: without arguments, idempotent, and expired before the next one, so a queue that was stuck for an hour
does not run it three thousand times.
"""

from dataclasses import dataclass
from datetime import timedelta

from django_celery_beat.models import IntervalSchedule, PeriodicTask


@dataclass(frozen=True)
class Job:
    """A task to run every `every`; the reason is shown beside it in the admin."""

    name: str
    task: str
    every: timedelta
    reason: str

    @property
    def expires_after(self) -> int:
        """Whole seconds a tick may wait for a worker: less than the period, at least one."""
        return max(1, int(self.every.total_seconds()) - 1)


def seconds(number: int) -> timedelta:
    return timedelta(seconds=number)


JOBS: tuple[Job, ...] = (
    Job("Heartbeat", "lifecycle.tasks.heartbeat", seconds(5), "Shows that beat, broker and worker run."),
    Job(
        "Identify people",
        "leads.tasks.identify",
        seconds(2),
        "Calls that say who is who, and no door acted on at once.",
    ),
    Job(
        "Sweep the inbox",
        "lifecycle.integrations.tasks.sweep",
        seconds(3),
        "Webhooks that no door carried out at once.",
    ),
    Job("Process events", "leads.tasks.process_pending", seconds(2), "Events that no door processed at once."),
    Job("Advance sequences", "campaigns.tasks.advance", seconds(2), "Enrollments whose next step is due."),
    Job("Send mail", "campaigns.tasks.send", seconds(2), "Messages that are ready and due."),
    Job(
        "Decide on waiting entries", "campaigns.tasks.decide_waiting", seconds(30), "Triggers whose filters never held."
    ),
    Job("Look at dates", "campaigns.tasks.sweep_dates", seconds(60), "People whose renewal or other date comes near."),
    Job("Run broadcasts", "campaigns.tasks.run_broadcasts", seconds(5), "Broadcasts whose moment has come."),
    Job("Move people", "campaigns.tasks.move_people", seconds(15), "A publish moves the people inside, in chunks."),
    Job("Let people in", "campaigns.tasks.backfill", seconds(15), "Who matched a launch already, in their turn."),
    Job("Rehearse", "campaigns.tasks.rehearse", seconds(30), "Rehearsals that were asked for and no hint began."),
    Job("Watch reports", "campaigns.tasks.watch_reports", seconds(60), "Bounces and complaints stop what is sent."),
    Job("Settle lost sends", "campaigns.tasks.sweep_leases", seconds(15), "Sends whose worker never came back."),
    Job("Close meetings", "lifecycle.sales.tasks.close_meetings", seconds(300), "What ended an hour ago took place."),
    Job("Send sales alerts", "lifecycle.sales.tasks.send_alerts", seconds(5), "A hot lead is told while it is hot."),
    Job("Refresh segments", "leads.tasks.refresh_segments", seconds(30), "New rules, and people whom time moves."),
    Job("Call webhooks", "campaigns.tasks.call_webhooks", seconds(5), "Posts to other systems that sequences ask for."),
    Job(
        "Judge experiments", "campaigns.tasks.judge_experiments", seconds(600), "Comparisons whose sample is complete."
    ),
    Job("Look up companies", "leads.tasks.enrich_companies", seconds(15), "New companies get what providers know."),
    Job("Import people", "leads.tasks.import_people", seconds(15), "Files whose hint was lost, or whose worker was."),
    Job(
        "Forget imports", "leads.tasks.forget_imports", seconds(3600), "Files and refused rows are kept for days only."
    ),
    Job("Tell Zoom", "lifecycle.integrations.tasks.tell_zoom", seconds(10), "New registrations of webinars on Zoom."),
    Job(
        "Catch up with Zoom",
        "lifecycle.integrations.tasks.catch_up_with_zoom",
        seconds(60),
        "Webinars that got their Zoom id after their people.",
    ),
    Job("Settle attendance", "webinars.tasks.settle_attendance", seconds(60), "Who attended, when a session is over."),
    Job("Fade scores", "leads.tasks.decay", seconds(600), "Intent halves every 30 days, each lead on its day."),
    Job("Sweep tiers", "leads.tasks.sweep_tiers", seconds(60), "People who fall quiet, each when their time is over."),
    Job("Verify tiers", "leads.tasks.verify_tiers", timedelta(days=1), "A tier must be what the person's acts say."),
    Job("Sweep stages", "leads.tasks.sweep_stages", seconds(3600), "Leads nobody heard of for half a year."),
    Job("Check customers", "lifecycle.customers.tasks.keep_standing", timedelta(days=1), "Clients by what they paid."),
    Job("Go on checking customers", "lifecycle.customers.tasks.go_on_checking", seconds(60), "The rest of that check."),
    Job("Verify scores", "leads.tasks.verify_scores", timedelta(days=1), "A score must be its ledger's sum."),
    Job(
        "Forget old reasons", "campaigns.tasks.forget_decisions", seconds(3600), "Decisions are kept for a while only."
    ),
    Job(
        "Forget rejected calls", "lifecycle.api.tasks.forget_rejected_calls", seconds(3600), "Kept for two weeks only."
    ),
    Job("Forget webhooks", "lifecycle.integrations.tasks.forget", seconds(3600), "Bodies are kept for a while only."),
    Job("Tidy up", "lifecycle.tasks.tidy", timedelta(days=1), "Expired sessions and old login attempts."),
)


def install(jobs: tuple[Job, ...] = JOBS) -> None:
    """Create the rows that are missing; one that exists stays as people left it, disabled or with another period."""
    known = set(PeriodicTask.objects.filter(name__in=[job.name for job in jobs]).values_list("name", flat=True))
    for job in jobs:
        if job.name not in known:
            PeriodicTask.objects.create(
                name=job.name,
                task=job.task,
                interval=interval(job.every),
                expire_seconds=job.expires_after,
                description=job.reason,
            )


def interval(every: timedelta) -> IntervalSchedule:
    """The schedule row of a period, in the largest unit that says it in whole numbers."""
    whole = int(every.total_seconds())
    for unit, size in ((IntervalSchedule.DAYS, 86400), (IntervalSchedule.HOURS, 3600), (IntervalSchedule.MINUTES, 60)):
        if whole % size == 0:
            return IntervalSchedule.objects.get_or_create(every=whole // size, period=unit)[0]
    return IntervalSchedule.objects.get_or_create(every=whole, period=IntervalSchedule.SECONDS)[0]
