"""Rehearse a version: people in chunks by their ids, the facts of each chunk read at once, nothing written."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Q

from campaigns.editing.publishing import PublishRefused, problems_of
from campaigns.engine.deciding import Journey
from campaigns.engine.steps import SendStep
from campaigns.engine.triggers import proposed
from campaigns.models import EmailTemplate, Enrollment, Experiment, MessageClass, SequenceVersion
from campaigns.rehearsal import colleagues, coming, past
from campaigns.rehearsal.asking import Questions, questions
from campaigns.rehearsal.crowding import crowd
from campaigns.rehearsal.findings import Difference, Observe, Rehearsal, Tally, differ
from campaigns.rehearsal.life import Life
from campaigns.rehearsal.standing import Scene
from campaigns.running import journeys
from campaigns.sending import checks, holidays, timing
from leads.batch import EventRow
from leads.models import Workspace
from leads.scoring import Thresholds
from lifecycle.core import sql

CHUNK = 2_000

Progress = Callable[[int, int], None]

_EDGES = "SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM leads_lead"
_NEXT = "SELECT max(id) FROM (SELECT id FROM leads_lead WHERE id > %b ORDER BY id LIMIT %b) AS next"
_PROPOSALS = """
    SELECT id, lead_id, kind, properties, occurred_at, recorded_at, source, depth, coalesce(lineage, '{}')
    FROM leads_event
    WHERE lead_id > %b AND lead_id <= %b AND kind = ANY(%b::text[]) AND recorded_at >= %b AND recorded_at < %b
"""


class NothingToRehearse(ValueError):
    """The version does not exist, or the period has no length."""


def rehearse(
    version: SequenceVersion,
    *,
    since: datetime,
    until: datetime,
    progress: Progress | None = None,
    observe: Observe | None = None,
) -> Rehearsal:
    """What `version` would have done between `since` and `until`, had it been live, and how the published one differs.

    Raises PublishRefused for a draft that could not be published, NothingToRehearse for an empty period. `progress`
    is told (people done, people there are); `observe` gets the record of each person the version proposes for.
    """
    if until <= since:
        raise NothingToRehearse("the period ends before it begins")
    problems = [] if version.state == SequenceVersion.State.PUBLISHED else problems_of(version)
    if problems:
        raise PublishRefused(problems)
    began = time.monotonic()
    rehearsing = _Rehearsing(version, since, until, observe)
    rehearsing.run(progress)
    found = rehearsing.found
    found.seconds = time.monotonic() - began
    return found


class _Rehearsing:
    def __init__(self, version: SequenceVersion, since: datetime, until: datetime, observe: Observe | None) -> None:
        self.workspace = Workspace.load()
        sequence = version.sequence
        journey = journeys.build(version)
        published = sequence.current_version
        other = journeys.build(published) if published and published.pk != version.pk else None
        self.versions = [each for each in (journey, other) if each is not None]
        self.asked = questions(self.versions, since=since, until=until, cap_days=self.workspace.cap_days)
        self.scenes = [_scene(each, self.asked, self.workspace) for each in self.versions]
        zone = ZoneInfo(self.workspace.time_zone)
        self.tallies = [Tally(zone) for _ in self.versions]
        self.observe = observe
        self.found = Rehearsal(
            sequence=sequence.slug,
            version=version.number,
            is_draft=version.state == SequenceVersion.State.DRAFT,
            since=since,
            until=until,
            zone=self.workspace.time_zone,
            steps=[step.key for step in journey.steps if isinstance(step, SendStep)],
            triggers=[trigger.segment or trigger.event_kind for trigger in journey.triggers],
            outcome=self.tallies[0].outcome,
            assumed_as_today=self.asked.as_today,
        )
        if other is not None and published is not None:
            self.found.difference = Difference(published=self.tallies[1].outcome)
            self.found.published_version = published.number

    def run(self, progress: Progress | None) -> None:
        self._note_unproposed()
        for done, total, lead_ids in self._chunks():
            for lead_id, each in self._load(lead_ids).items():
                self._live(lead_id, each)
            self.found.looked_at += len(lead_ids)
            if progress is not None:
                progress(done, total)

    def _note_unproposed(self) -> None:
        """Entries that no event proposed cannot be rehearsed; how many there really were is said."""
        period = Q(enrolled_at__gte=self.asked.since, enrolled_at__lt=self.asked.until)
        real = Enrollment.objects.filter(period, sequence_id=self.asked.sequence_id, entry_event=None).count()
        if real:
            self.found.notes.append(
                f"Left out: {real:,} entries by hand, over the API or from another sequence: no event proposes them"
            )

    def _live(self, lead_id: int, each: past.Past) -> None:
        records = []
        for scene, tally in zip(self.scenes, self.tallies, strict=True):
            record = Life(scene, each, lead_id).live()
            crowd(record, each, scene)
            tally.add(record)
            records.append(record)
        if self.observe is not None:
            self.observe(records[0])
        if self.found.difference is not None:
            differ(self.found.difference, *records)

    def _load(self, lead_ids: list[int]) -> dict[int, past.Past]:
        if not lead_ids:
            return {}
        with reading():
            pasts = past.load(lead_ids, self.asked, self.workspace)
            colleagues.add(pasts, self.asked)
        coming.add(pasts, self.asked)
        for each in pasts.values():
            each.in_order()
        return pasts

    def _chunks(self) -> Iterator[tuple[int, int, list[int]]]:
        """(people passed, people there are, those of the chunk whom a trigger proposes); ids stand for people."""
        with reading():
            (first, last), *_ = sql.fetch(_EDGES)
        at = first - 1
        while at < last:
            with reading():
                next_at = sql.fetch(_NEXT, [at, CHUNK])[0][0] or last
                lead_ids = self._proposed(at, next_at)
            at = next_at
            yield at - first + 1, last - first + 1, lead_ids

    def _proposed(self, after: int, up_to: int) -> list[int]:
        kinds = sorted({trigger.event_kind for journey in self.versions for trigger in journey.triggers})
        if not kinds:
            return []
        rows = sql.fetch(_PROPOSALS, [after, up_to, kinds, self.asked.since, self.asked.until])
        found = coming.people(after, up_to, self.asked)
        for row in rows:
            event = EventRow(*row)
            if event.lead_id not in found and any(proposed(journey, event) for journey in self.versions):
                found.add(event.lead_id)
        return sorted(found)


class reading(transaction.Atomic):
    """A transaction in which the database itself refuses to write."""

    def __init__(self) -> None:
        super().__init__(using=None, savepoint=True, durable=False)

    def __enter__(self) -> None:
        super().__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")


def _scene(journey: Journey, asked: Questions, workspace: Workspace) -> Scene:
    rest = holidays.load(journey.windows, now=asked.since)
    return Scene(
        journey=journey,
        asked=asked,
        policy=checks.Policy(workspace.cap_messages, workspace.cap_days),
        thresholds=Thresholds(workspace.warm_at, workspace.hot_at),
        calendar=timing.Calendar(timing.quiet(workspace), rest),
        mails=_mails(journey),
        kinds=frozenset(trigger.event_kind for trigger in journey.triggers),
        promoted=_promoted(asked) if asked.variants else (),
    )


def _promoted(asked: Questions) -> tuple[tuple[datetime, str, str], ...]:
    decided = Experiment.objects.filter(sequence_id=asked.sequence_id).exclude(promoted_key="")
    rows = decided.values_list("decided_at", "step_key", "promoted_key")
    return tuple((at, step, variant) for at, step, variant in rows if at is not None)


def _mails(journey: Journey) -> dict[int, tuple[bool, int | None]]:
    """Class and topic of each mail as it would be sent: of its current version, or of its draft if it has none."""
    ids = {variant.template_id for step in journey.steps if isinstance(step, SendStep) for variant in step.variants}
    found = {}
    for template in EmailTemplate.objects.filter(pk__in=ids).select_related("current_version"):
        source = template.current_version or template
        found[template.pk] = (source.message_class == MessageClass.MARKETING, source.topic_id)
    return found
