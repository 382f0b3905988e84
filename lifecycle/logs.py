"""Structured logs on standard error, without personal data.

Our own code logs ids and counts, never addresses or names; the filter is the second line: whatever a library writes,
mail addresses and tokens in paths do not reach the log.
"""

import logging
import re
import sys
from typing import Any

import structlog

ADDRESS = re.compile(r"[^\s@<>\"'(,;:=]+@[^\s@<>\"'),;:]+\.[A-Za-z]{2,}")
TOKEN_PATH = re.compile(r"/(u|c|o|f|preferences)/[^\s/?\"']+")


def mask(text: str) -> str:
    """The text with mail addresses and the tokens of personal links taken out."""
    return TOKEN_PATH.sub(r"/\1/[token]", ADDRESS.sub("[address]", text))


def mask_event(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: mask(value) if isinstance(value, str) else value for key, value in event.items()}


def mask_rendered(_logger: Any, _method: str, line: str) -> str:
    return mask(line)


SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configuration(level: str) -> dict[str, Any]:
    """The LOGGING setting; it also configures structlog so that both end in the same lines."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    person_watches = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if person_watches else structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                    mask_rendered,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level, "handlers": [], "propagate": True},
            "django.server": {"level": level, "handlers": [], "propagate": True},
            # Its lines carry request paths and user names; failures are in its own table for those who may see them.
            "axes": {"level": logging.getLevelName(logging.ERROR)},
            # Every tick of every second would be a line otherwise.
            "celery": {"level": level if level == "DEBUG" else "WARNING"},
            "kombu": {"level": level if level == "DEBUG" else "WARNING"},
        },
    }
