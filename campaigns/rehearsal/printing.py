"""A rehearsal as text for a terminal. It reads what `telling.data` made."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

BAR = 40


def report(told: Mapping[str, Any]) -> str:
    """Everything a marketer wants to know, in the order in which it comes to mind."""
    return "\n".join(_lines(told))


def empty(told: Mapping[str, Any]) -> str:
    """Why nobody entered, "" if somebody did."""
    if told["outcome"]["entries"]:
        return ""
    days = f"{told['since'][:10]} to {told['until'][:10]}"
    if not told["triggers"]:
        return "Nobody would have entered: it has no trigger, people come by hand or over the API alone."
    if not told["outcome"]["proposals"]:
        return f"Nobody would have entered: no {' or '.join(told['triggers'])} from {days}."
    return "Nobody would have entered: everybody whom a trigger proposed was refused."


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    outcome = told["outcome"]
    state = "draft" if told["is_draft"] else "published"
    yield f"{told['sequence']} version {told['version']} ({state}), {told['since'][:10]} to {told['until'][:10]}"
    people = "person" if told["looked_at"] == 1 else "people"
    yield f"{told['looked_at']:,} {people} looked at in {told['seconds']:.1f} s, nothing written"
    yield ""
    if empty(told):
        yield empty(told)
    yield from _numbers(
        "",
        {
            "entries": outcome["entries"],
            "people": outcome["people"],
            "merged into a run": outcome["merged"],
            "met while inside": outcome["met_again"],
            "mails sent": outcome["sent"],
            "still inside at the end": outcome["still_inside"],
            "still waiting for the filters": outcome["still_waiting_for_filters"],
        },
    )
    yield from _numbers("Not enrolled", outcome["refused"])
    yield from _per_day(outcome["mails_per_day"])
    yield from _numbers("Mails by step", {name_of(mail): mail["sent"] for mail in outcome["mails"]})
    yield from _numbers("Mails put off, by check", outcome["deferred"])
    yield from _numbers("Mails not sent", outcome["skipped"])
    yield from _numbers("Exits", outcome["exits"])
    for title, counts in collisions(outcome):
        yield from _numbers(title, counts)
    yield from _difference(told["difference"], outcome)
    yield from assumptions(told)


def name_of(mail: Mapping[str, Any]) -> str:
    return f"{mail['step']} ({mail['variant']})" if mail["variant"] else str(mail["step"])


def collisions(outcome: Mapping[str, Any]) -> list[tuple[str, dict[str, int]]]:
    """Where it meets other sequences, each with what that means."""
    met = outcome["collisions"]
    return [
        ("Mails put off because the cap was used up by real mails of", met["deferred_because_of"]),
        ("Real mails that would have met the cap because of these, of", met["would_defer_mails_of"]),
        ("Real runs that an entry would have replaced, of", met["would_replace_runs_of"]),
        ("Real entries that would have been refused in the group, of", met["would_refuse_entries_of"]),
    ]


def compared(difference: Mapping[str, Any], outcome: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """(what, this version, the published one): entries, then mails and exits by name."""
    published = difference["published"]
    rows = [("Entries", outcome["entries"], published["entries"]), ("Mails", outcome["sent"], published["sent"])]
    for title, counts in (("mail", _mails), ("exit", lambda told: told["exits"])):
        ours, theirs = counts(outcome), counts(published)
        rows += [
            (f"{title} {name}", ours.get(name, 0), theirs.get(name, 0)) for name in dict.fromkeys([*ours, *theirs])
        ]
    return rows


def assumptions(told: Mapping[str, Any]) -> Iterator[str]:
    """What was not known of the past."""
    if told["assumed_as_today"]:
        yield f"Assumed as today, for want of a history: {', '.join(told['assumed_as_today'])}"
    if told["outcome"]["answers_left_out"]:
        number = told["outcome"]["answers_left_out"]
        yield f"Left out: {number:,} opens and clicks on mails that this version would not have sent"
    yield from told["notes"]


def _mails(outcome: Mapping[str, Any]) -> dict[str, int]:
    return {name_of(mail): mail["sent"] for mail in outcome["mails"]}


def _numbers(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    if not counts:
        return
    if title:
        yield from ("", title)
    width = max(len(f"{number:,}") for number in counts.values())
    for name, number in counts.items():
        yield f"  {number:>{max(width, 7)},}  {name}"


def _per_day(days: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    if not days:
        return
    totals = {day: sum(steps.values()) for day, steps in days.items()}
    most = max(totals.values())
    yield from ("", "Mails per day")
    for day, number in totals.items():
        yield f"  {day}  {number:>7,}  {'█' * max(1, round(BAR * number / most))}"


def _difference(difference: Mapping[str, Any] | None, outcome: Mapping[str, Any]) -> Iterator[str]:
    if difference is None:
        return
    yield from ("", f"Against the published version {difference['published_version']}")
    yield from _aligned(("", "this one", "published", "difference"), compared(difference, outcome))
    yield from _numbers(
        "People",
        {
            "only this one lets in": difference["only_this_one_lets_in"],
            "only the published one lets in": difference["only_the_published_lets_in"],
            "get other mails, or at other times": difference["mailed_otherwise"],
            "get the same mails at the same times": difference["mailed_the_same"],
        },
    )


def _aligned(head: tuple[str, ...], rows: Iterable[tuple[str, int, int]]) -> Iterator[str]:
    rows = list(rows)
    width = max(len(name) for name, _, _ in rows)
    yield f"  {head[0]:<{width}}  {head[1]:>10}  {head[2]:>10}  {head[3]:>10}"
    for name, ours, theirs in rows:
        yield f"  {name:<{width}}  {ours:>10,}  {theirs:>10,}  {ours - theirs:>+10,}"
