"""A PocketBase for all examples, and everybody who comes to it."""

import itertools
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from pocketbase_events.jobs.attach import attach
from pocketbase_events.jobs.detach import detach
from pocketbase_events.pb.accounts import superuser_token
from pocketbase_events.pb.connection import Connection
from pocketbase_events.pb.gateway import Gateway
from support import Server, start_copy
from support.model.events import FIELDS, ID_PATTERNS, INDEXES, LOOSE_ID, UNIQUE, UNSETTABLE
from support.model.rows import ANYONE, Collection, Field


class World:
    """A PocketBase for all examples, and everybody who comes to it."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template, self._folder = template, folder
        self._open = ExitStack()
        self._numbers = itertools.count(1)
        self.clean = False  # the last example left it as it should be

    def close(self) -> None:
        self._open.close()

    def enter(self) -> int:
        """The number of the next example, which finds a PocketBase that is sound."""
        number = next(self._numbers)
        if not self.clean:
            self._renew(number)
        self.clean = False
        return number

    def _renew(self, number: int) -> None:
        self._open.close()
        start = contextmanager(start_copy)(self._template, self._folder / str(number))
        self.server: Server = self._open.enter_context(start)
        detach(self.server.admin(), "items")
        self.root, self.guest, self.admin = self.server.superuser(), self.server.guest(), self.server.admin()
        self.workers = [self.server.worker(), self.server.worker()]
        self.gateway = self.server.gateway()
        known = self.server.settings()
        connection = Connection(self.server.url, lambda: superuser_token(known))
        self.superuser = Gateway(self._open.enter_context(closing(connection)))
        self.lockable = self.admin.has_sql()

    def rows(self, collection: Collection) -> dict[str, dict[str, Any]]:
        """The rows as they are, those fields only that the model knows."""
        names = (*collection.fields, "deleted", "seq")
        return {row["id"]: {name: row[name] for name in names} for row in self.root.records(collection.name)}

    def fates(self) -> dict[str, tuple[int, str]]:
        """By id of an event, its seq and its error."""
        return {row[0]: (row[1], row[2]) for row in self.select("SELECT id, seq, error FROM events")}

    def select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(self.server.database()) as database:
            return database.execute(query, values).fetchall()

    def write(self, statement: str, *values: Any) -> None:
        """Write the database file, past PocketBase."""
        with closing(self.server.database()) as database, database:
            database.execute(statement, values)

    def create(self, number: int) -> dict[str, Collection]:
        """Two attached collections of this example's own."""
        names = {which: f"{which}{number}" for which in FIELDS}
        for which, name in names.items():
            fields = [definition(each) for each in FIELDS[which] if not each.relates_to]
            fields += UNSETTABLE if which == "left" else [LOOSE_ID]
            indexes = [sql.format(name=name) for sql in INDEXES[which] if "deleted" not in sql]
            body = {"name": name, "type": "base", "fields": fields, "indexes": indexes}
            answer = self.root("POST", "/api/collections", json=body)
            assert answer.ok, answer.text
        there = {which: self.root("GET", f"/api/collections/{name}").json() for which, name in names.items()}
        for which, name in names.items():
            relations = [
                {**definition(each), "collectionId": there[each.relates_to]["id"]}
                for each in FIELDS[which]
                if each.relates_to
            ]
            indexes = [sql.format(name=name) for sql in INDEXES[which]]
            body = {"fields": [*there[which]["fields"], *relations], "indexes": indexes}
            answer = self.root("PATCH", f"/api/collections/{name}", json=body)
            assert answer.ok, answer.text
            attach(self.admin, name, ANYONE, lock=None)
        return {
            which: Collection(
                names[which],
                ID_PATTERNS[which],
                {each.name: each for each in FIELDS[which]},
                UNIQUE[which],
                locked=self.lockable,
            )
            for which in FIELDS
        }


def definition(each: Field) -> dict[str, Any]:
    return {"name": each.name, "type": each.type, "required": each.required, **each.options}
