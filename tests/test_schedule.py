"""Every periodic job is a row that people may change."""

import pytest
from django_celery_beat.models import PeriodicTask

from lifecycle import schedule
from lifecycle.celery import app


def test_every_job_names_a_task_that_exists() -> None:
    app.loader.import_default_modules()
    assert [job.task for job in schedule.JOBS if job.task not in app.tasks] == []


def test_every_tick_expires_before_the_next_but_one() -> None:
    for job in schedule.JOBS:
        assert 1 <= job.expires_after <= max(1, job.every.total_seconds() - 1), job.name


def test_names_are_unique() -> None:
    assert len({job.name for job in schedule.JOBS}) == len(schedule.JOBS)


@pytest.mark.django_db
def test_installing_twice_keeps_what_people_changed() -> None:
    schedule.install()
    job = schedule.JOBS[0]
    row = PeriodicTask.objects.get(name=job.name)
    assert (row.task, row.expire_seconds, row.description) == (job.task, job.expires_after, job.reason)
    row.enabled, row.description = False, "off for the audit"
    row.save()
    schedule.install()
    row.refresh_from_db()
    assert (row.enabled, row.description) == (False, "off for the audit")
    assert PeriodicTask.objects.filter(name__in=[job.name for job in schedule.JOBS]).count() == len(schedule.JOBS)
