"""Ticks. Each takes no arguments, may run twice or in parallel, and leaves the rest to the next one."""

from celery import shared_task

from leads import actions, audit, engagement, enrichment, fading, identity, importing, pipeline, segments
from lifecycle.core import clock, gate


@shared_task(ignore_result=True)
def identify() -> int:
    return identity.drain(now=clock.now()).calls


@shared_task(ignore_result=True)
def process_pending() -> int:
    return pipeline.drain(now=clock.now()).events


@shared_task(ignore_result=True)
def decay() -> int:
    return fading.drain(now=clock.now())


@shared_task(ignore_result=True)
def sweep_tiers() -> int:
    return engagement.drain(now=clock.now())


@shared_task(ignore_result=True)
def verify_tiers() -> int:
    return engagement.verify(now=clock.now())


@shared_task(ignore_result=True)
def sweep_stages() -> int:
    return actions.sweep_stages(now=clock.now())


@shared_task(ignore_result=True)
def refresh_segments() -> int:
    return segments.refresh_due(now=clock.now())


@shared_task(ignore_result=True)
def verify_scores() -> int:
    return len(audit.verify_scores())


@shared_task(ignore_result=True)
def import_people() -> int:
    return importing.run_due(now=clock.now())


@shared_task(ignore_result=True)
def forget_imports() -> int:
    return importing.forget(now=clock.now())


@shared_task(ignore_result=True)
def enrich_companies() -> int:
    return 0 if gate.closed(clock.now()) else enrichment.drain(now=clock.now())
