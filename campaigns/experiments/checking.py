"""What is wrong with variants and experiments, said before anything is published, with its place inside the step."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from campaigns.models import Experiment, SequenceVersion, Step, Variant
from campaigns.rendering import variables
from leads.rule_fields import VOCABULARY
from lifecycle.core import rules


class Complaint(NamedTuple):
    """`where`: variants.b.subject, experiment.goal …"""

    where: str
    message: str


def of_variants(variants: Iterable[Variant]) -> Iterator[Complaint]:
    """Subjects that cannot be filled in, and weights that reach nobody. Two equal subjects do no harm."""
    chosen = list(variants)
    if chosen and sum(variant.weight for variant in chosen) == 0:
        yield Complaint("variants", "at least one variant needs a weight above 0")
    for variant in chosen:
        for problem in variables.lint("subject", variant.subject):
            yield Complaint(f"variants.{variant.key}.subject", problem.message)


def of_experiments(version: SequenceVersion, steps: Iterable[Step]) -> Iterator[tuple[str, Complaint]]:
    """Of the running experiments of these steps: step key and complaint. One query. `steps` with their variants."""
    by_key = {step.key: step for step in steps}
    running = Experiment.objects.filter(sequence_id=version.sequence_id, state=Experiment.State.RUNNING)
    for experiment in running.filter(step_key__in=by_key):
        for complaint in of_experiment(experiment, by_key[experiment.step_key]):
            yield experiment.step_key, complaint


def of_experiment(experiment: Experiment, step: Step) -> Iterator[Complaint]:
    """A comparison needs two mails and a goal that can be met."""
    if sum(variant.weight > 0 for variant in step.variants.all()) < 2:
        message = "compares nothing: give the step two variants with a weight above 0, or delete the experiment"
        yield Complaint("experiment", message)
    yield from of_goal(experiment)


def of_goal(experiment: Experiment) -> Iterator[Complaint]:
    goal = {"event": experiment.goal, "where": experiment.goal_where}
    for problem in rules.validate(goal, VOCABULARY):
        place = problem.path if problem.path.startswith("where") else "goal"
        yield Complaint(f"experiment.{place}", problem.message)
