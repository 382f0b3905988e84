"""P7: no mail address and no personal token reaches the log, whoever writes the line."""

import json
import logging
import logging.config
import sys

import pytest
import structlog

from lifecycle import logs


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("sent to ada@example.com", "sent to [address]"),
        ("<Ada.L+x@sub.example.co.uk>, done", "<[address]>, done"),
        ("GET /u/eyJhbGciOi.J9 200", "GET /u/[token] 200"),
        ("Not Found: /preferences/abc", "Not Found: /preferences/[token]"),
        ("lead 42 moved to mql", "lead 42 moved to mql"),
    ],
)
def test_masking(line: str, masked: str) -> None:
    assert logs.mask(line) == masked


def test_a_librarys_line_and_ours_come_out_masked(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    handler = logging.StreamHandler(sys.stderr)
    settings = logs.configuration("INFO")
    formatter = settings["formatters"]["lines"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=formatter["foreign_pre_chain"],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
                logs.mask_rendered,
            ],
        )
    )
    logger = logging.getLogger("some.library")
    logger.addHandler(handler)
    try:
        logger.warning("could not reach %s", "ada@example.com")
        try:
            raise ValueError("bad value bob@example.com")
        except ValueError:
            logger.exception("failed")
    finally:
        logger.removeHandler(handler)
        structlog.configure(**before)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert lines[0]["event"] == "could not reach [address]"
    assert "bob@example.com" not in json.dumps(lines)
    assert "[address]" in lines[1]["exception"]
