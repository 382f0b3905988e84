"""How mail is stopped, in one place: what is ready ends, what is in flight is marked and dropped if it still can be."""

ONE_REASON = "(SELECT %b::text) AS given (reason)"


def statement(where: str, *, given: str = ONE_REASON, end: str = "canceled") -> str:
    """The UPDATE of messages `m` that stops those of `where`, into the state `end`.

    Parameters in their order: now, those of `given` (one reason for all, unless it names rows with their own), those of
    `where`.
    """
    return f"""
    UPDATE campaigns_message m
    SET state = CASE m.state WHEN 'ready' THEN '{end}' ELSE m.state END,
        settled_at = CASE m.state WHEN 'ready' THEN %b::timestamptz ELSE m.settled_at END,
        reason = CASE m.state WHEN 'ready' THEN given.reason ELSE m.reason END,
        stop_reason = CASE m.state WHEN 'ready' THEN '' ELSE given.reason END
    FROM {given}
    WHERE m.state IN ('ready', 'sending') AND {where}
"""  # noqa: S608 - the SQL is ours
