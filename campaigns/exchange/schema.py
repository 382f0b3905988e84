"""The shape of a sequence file. msgspec refuses everything else and names its place."""

from typing import Annotated, Any, Literal

import msgspec


class File(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Base: a key that nobody knows is a typo, and said so."""


class EntryFile(File):
    triggers: list[dict[str, Any]] = []
    filters: dict[str, Any] = {}
    reentry: str | dict[str, str] = "never"
    key: Annotated[str, msgspec.Meta(max_length=60)] = ""
    second_trigger: Literal["ignore", "merge", "restart", "parallel"] = "ignore"
    grace: str = "30m"


class VariantFile(File):
    key: str
    weight: int
    template: str
    subject: Annotated[str, msgspec.Meta(max_length=250)] = ""
    time: str | int = ""  # an unquoted 09:00 is a number to YAML; `reading` says so


class SplitFile(File):
    variants: list[VariantFile]


class ExperimentFile(File):
    goal: str = "email.clicked"
    where: list[dict[str, Any]] = []
    within: str = "7d"
    minimum_sample: Annotated[int, msgspec.Meta(ge=10)] = 500
    auto_promote: bool = False


class StepFile(File):
    id: str
    send: str | SplitFile | None = None
    wait: str | dict[str, Any] | None = None
    branch: dict[str, Any] | None = None
    set: dict[str, Any] | None = None
    notify: dict[str, str] | None = None
    task: dict[str, str] | None = None
    webhook: dict[str, str] | None = None
    enroll: dict[str, str] | None = None
    exit: dict[str, str] | None = None
    end: bool | None = None
    experiment: ExperimentFile | None = None
    window: dict[str, Any] | None = None
    late_after: str | None = None
    journey_stage: Literal["", "awareness", "consideration", "decision"] = ""


class TemplateFile(File):
    slug: str
    name: str
    subject: str
    body: str
    # `class` is a word of Python's, so the field is renamed below.
    message_class: Literal["marketing", "transactional"] = msgspec.field(name="class", default="marketing")
    topic: str = ""
    preheader: str = ""
    format: Literal["mjml", "html"] = "mjml"
    text: str = ""
    utm: bool = True
    utm_campaign: str = ""
    attachment: Annotated[str, msgspec.Meta(max_length=40)] = ""


class SequenceFile(File):
    slug: str
    name: str
    kind: Literal["sequence"] = "sequence"
    version: Literal[1] = 1
    description: str = ""
    group: str = ""
    priority: int = 0
    entry: EntryFile = msgspec.field(default_factory=EntryFile)
    exits: list[dict[str, Any]] = []
    holdout: Annotated[int, msgspec.Meta(ge=0, le=50)] = 0
    window: dict[str, Any] | None = None
    steps: list[StepFile] = []
    templates: list[TemplateFile] = []


KINDS = ("send", "wait", "branch", "set", "notify", "task", "webhook", "enroll", "exit", "end")
