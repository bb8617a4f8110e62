"""What clients have appended, and what became of it: read from the database file alone."""

import json
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from support import Server, check_log, fold_log

NAMES = ("title", "qty", "done", "note", "deleted")
MARK = "mark "  # a note that begins like this was sent in one event only
BLAME = ("gave no answer", "batch time-out", "can't be given", "gave no reason")  # from the sentences of a rejection
UNSET: dict[str, Any] = {"title": "", "qty": 0, "done": False, "note": "", "deleted": False}


@dataclass(slots=True)
class Ledger:
    """The record ids of all events that PocketBase is known to have received. Safe for use by many threads."""

    ids: list[str] = field(default_factory=list)

    def received(self, record_id: str) -> None:
        """Note that PocketBase has the event."""
        self.ids.append(record_id)

    def went_back_to(self, ids: set[str]) -> None:
        """Forget all events but these: a backup was restored."""
        self.ids[:] = [record_id for record_id in self.ids if record_id in ids]


@dataclass(frozen=True, slots=True)
class Account:
    """How many events went in, and what became of them; what is wrong, in sentences."""

    appended: int
    recorded: int
    rejected: int
    lost: int
    doubled: int
    wrong: tuple[str, ...]


def settle_accounts(server: Server, ledger: Ledger, *, rows: bool = True) -> Account:
    """Check every invariant of a log whose clients and workers have come to rest.

    The log is contiguous and chained, recorded in the order of insertion, its head is the last event; every
    event is recorded once or rejected with a reason; and the rows are the fold of the log.
    """
    with server.database() as database:
        events = database.execute("SELECT id, seq, error, data FROM events").fetchall()
    database.close()
    states = {record_id: "recorded" if seq else "rejected" if error else "" for record_id, seq, error, _ in events}
    appended = list(dict.fromkeys(ledger.ids))
    lost = [record_id for record_id in appended if not states.get(record_id)]
    marks = Counter(mark for _, seq, _, data in events if seq and (mark := _mark(data)))
    doubled = [mark for mark, times in marks.items() if times > 1]
    wrong = [f"{len(lost)} events are lost, {lost[0]} among them"] if lost else []
    wrong += [f"{doubled[0]} was recorded twice"] if doubled else []
    try:
        check_log(server)
        if rows and (differing := _differing_rows(server)):
            wrong.append(f"{len(differing)} rows are not what the log says: {differing[:3]}")
    except AssertionError as error:
        wrong.append(f"the log is broken: {error}")
    count = Counter(states[record_id] for record_id in appended if states.get(record_id))
    return Account(len(appended), count["recorded"], count["rejected"], len(lost), len(doubled), tuple(wrong))


def wrongly_blamed(server: Server) -> list[str]:
    """The sentences of events that were rejected for what a network or a server did."""
    found = []
    with closing(server.database()) as database:
        for words in BLAME:
            query = "SELECT id, error FROM events WHERE seq = 0 AND instr(error, ?)"
            found += [f"{record_id} was rejected: {error}" for record_id, error in database.execute(query, [words])]
    return found[:3]


def _mark(data: str | None) -> str | None:
    """What a client put into an event and into no other."""
    value = json.loads(data) if data else None
    note = value.get("note") if isinstance(value, dict) else None
    return note if isinstance(note, str) and note.startswith(MARK) else None


def _stored(value: Any, unset: Any) -> Any:
    """What PocketBase makes of a value: null is the zero value, and a number is a double."""
    if value is None:
        return unset
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _differing_rows(server: Server) -> list[str]:
    log = {key: {name: _stored(row.get(name), UNSET[name]) for name in NAMES} for key, row in fold_log(server).items()}
    with server.database() as database:
        found = database.execute(f"SELECT id, {', '.join(NAMES)} FROM items").fetchall()
    database.close()
    rows: dict[str, dict[str, Any]] = {}
    for item_id, *values in found:
        row = dict(zip(NAMES, values, strict=True))
        rows[item_id] = {**row, "done": bool(row["done"]), "deleted": bool(row["deleted"])}
    return [key for key in log.keys() | rows.keys() if log.get(key) != rows.get(key)]
