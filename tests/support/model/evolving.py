"""Superusers edit the schema."""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from support.model.administering import named
from support.model.events import CHANGING, SPARE, places, sides
from support.model.rows import Field
from support.model.tampering import Tampering


class Evolving(Tampering):
    """Superusers edit the schema."""

    @rule(which=sides, name=st.sampled_from(SPARE), type_=st.sampled_from(["text", "number", "bool", "json"]))
    def add_a_field(self, which: str, name: str, type_: str) -> None:
        collection = self.model.collections[which]
        if name not in collection.fields:
            self.edit_fields(collection, lambda fields: fields.append({"name": name, "type": type_}))
            collection.fields[name] = Field(name, type_)
            for row in collection.rows.values():
                row[name] = collection.fields[name].kept(None)

    @rule(which=sides, how=st.sampled_from(["remove", "rename", "rename", "require"]), place=places, other=places)
    def edit_a_field(self, which: str, how: str, place: int, other: int) -> None:
        collection = self.model.collections[which]
        names = (*CHANGING[which], *SPARE)
        there = [name for name in names if name in collection.fields]
        free = [name for name in names if name not in collection.fields]
        if not there or (how == "rename" and not free):
            return
        name = there[place % len(there)]
        if how == "remove":
            self.edit_fields(collection, lambda fields: fields.remove(named(fields, name)))
            del collection.fields[name]
            for row in collection.rows.values():
                del row[name]
        elif how == "rename":
            new = free[other % len(free)]
            self.edit_fields(collection, lambda fields: named(fields, name).update(name=new))
            collection.fields[new] = replace(collection.fields.pop(name), name=new)
            for row in collection.rows.values():
                row[new] = row.pop(name)
        else:
            required = not collection.fields[name].required
            self.edit_fields(collection, lambda fields: named(fields, name).update(required=required))
            collection.fields[name] = replace(collection.fields[name], required=required)

    @rule(name=st.sampled_from(["one", "many"]))
    def let_a_field_hold_one_choice_or_several(self, name: str) -> None:
        """PocketBase rewrites the rows, which the lock forbids."""
        collection = self.model.collections["left"]
        most = 1 if collection.fields[name].multiple else 2
        allowed = not (collection.closed and collection.rows)
        self.edit_fields(collection, lambda fields: named(fields, name).update(maxSelect=most), allowed=allowed)
        if allowed:
            options = {**collection.fields[name].options, "maxSelect": most}
            collection.fields[name] = replace(collection.fields[name], options=options)
            for row in collection.rows.values():
                value = row[name]
                row[name] = ([value] if value else []) if most > 1 else (value or [""])[-1]
