"""Which fields a collection has, which of them an event may set, and which ids its rows may have."""

import json
import re
from functools import cached_property
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pocketbase_events.core.json_text import Json

WORKER = '@request.auth.collectionName = "event_workers"'
ROW_CREATE_RULE = WORKER
ROW_UPDATE_RULE_BEFORE_3 = f"{WORKER} && deleted = false"  # of collections attached by versions 1 and 2 of ours
_UNLESS_DELETED = (  # or to restore the row
    "((deleted = false && (@request.body.deleted:isset = false || @request.body.deleted = true))"
    " || (deleted = true && @request.body.deleted = false))"
)
_AT_EXPECTED_SEQ = "(@request.body.expected_seq:isset = false || @request.body.expected_seq = seq)"
ID_PATTERN = "^[a-z0-9]+$"  # PocketBase's own; with any other, it looks for ids that differ in capitals alone
MAX_ID = 1000  # bytes of an item id; PocketBase takes addresses of 2,000 in a batch
DELETED = "deleted"  # the bool field that marks a row as deleted
SEQ = "seq"  # the number field for the seq of the last event that changed the row, if rows carry it
SEQ_FIELD = "number_pbe_seq"  # its id, which tells it from a field of that name that the owner made
# The types of field that an event can set.
SETTABLE = frozenset(
    {"text", "editor", "email", "url", "number", "bool", "date", "select", "relation", "json", "geoPoint", "file"}
)

# What no record id may hold (core/field_text.go), and control characters, which no address can name.
_FORBIDDEN_IN_ID = re.compile(r"""[./\\|"'`<>:?*%$ \x00-\x1f\x7f]""")


class FieldDefinition(BaseModel):
    """One field of a collection, as PocketBase's `_collections.fields` describes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    name: str
    type: str
    id: str = ""
    hidden: bool = False
    required: bool = False
    max_select: int = Field(default=0, alias="maxSelect")
    values: tuple[str, ...] = ()  # of a select field
    relates_to: str = Field(default="", alias="collectionId")  # of a relation field
    autogenerate: str = Field(default="", alias="autogeneratePattern")
    least: Json = Field(default=None, alias="min")  # a number, or of a date field a text
    most: Json = Field(default=None, alias="max")
    pattern: str = ""
    only_whole: bool = Field(default=False, alias="onlyInt")
    computed: bool = False  # a hook fills it in

    @property
    def multiple(self) -> bool:
        """Whether it holds a list (select, relation and file fields only)."""
        return self.max_select > 1

    @property
    def is_generated(self) -> bool:
        """Whether PocketBase makes up its value, of a new row, if it is given none."""
        return self.type == "autodate" or (bool(self.autogenerate) and self.name != "id")


class Rename(NamedTuple):
    """Events up to the seq `up_to` that say `old` mean the field that is called `new` today."""

    old: str
    new: str
    up_to: int


class Target(BaseModel):
    """An attached collection: its live field definitions and what its unique indexes say.

    `computed` names the fields that hooks fill in; each of them is marked so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    collection: str
    collection_id: str = ""
    version: str
    fields: tuple[FieldDefinition, ...]
    indexes: tuple[str, ...] | None = None
    row_create_rule: str = ""
    row_update_rule: str = ""
    row_list_rule: str | None = None
    row_view_rule: str | None = None
    versioned: bool = False  # whether rows carry `seq`
    computed: tuple[str, ...] | None = None
    renamed: tuple[Rename, ...] | None = None

    @model_validator(mode="after")
    def _mark_computed(self) -> Self:
        if self.computed:
            marked = tuple(field.model_copy(update={"computed": field.name in self.computed}) for field in self.fields)
            object.__setattr__(self, "fields", marked)  # frozen only once it is made
        return self

    @cached_property
    def by_name(self) -> dict[str, FieldDefinition]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    def field(self, name: str) -> FieldDefinition | None:
        """The field of that name, None when there is none."""
        return self.by_name.get(name)

    @cached_property
    def holds_files(self) -> bool:
        """Whether it has a file field that an event may set."""
        return any(field.type == "file" for field in self.settable)

    def in_unique_index(self, name: str) -> bool:
        """Whether a unique index mentions the field, in whatever capitals."""
        return any(
            all(re.search(rf"\b{word}\b", index, re.IGNORECASE) for word in ("unique", re.escape(name)))
            for index in self.indexes or ()
        )

    @property
    def writable(self) -> bool:
        """Whether the collection's own rules are those that `attach` gave it, which let the worker write.

        A comparison with `seq` does no harm if rows carry none: no event asks for it.
        """
        rules = [row_update_rule(versioned=versioned) for versioned in {self.versioned, True}]
        return self.row_create_rule == ROW_CREATE_RULE and self.row_update_rule in rules

    @cached_property
    def settable(self) -> list[FieldDefinition]:
        """The fields that an event may set."""
        return [field for field in self.fields if self.why_not_settable(field) is None]

    def why_not_settable(self, field: FieldDefinition) -> str | None:
        """Why no event may set the field; None if one may."""
        if field.name == SEQ and (self.versioned or field.id == SEQ_FIELD):
            return f'"{SEQ}" is the seq of the last event that changed the item. Leave it out of data.'
        return why_not_settable(field)

    @cached_property
    def required(self) -> list[FieldDefinition]:
        """Those of them that must not be empty."""
        return [field for field in self.settable if field.required]


def row_update_rule(*, versioned: bool) -> str:
    """The update rule of an attached collection: the worker, unless the row is deleted or has changed unexpectedly."""
    return " && ".join([WORKER, _UNLESS_DELETED, *([_AT_EXPECTED_SEQ] if versioned else [])])


def why_not_settable(field: FieldDefinition) -> str | None:
    """Why no event may set the field; None if one may."""
    if field.name == "id":
        return '"id" is given by item_id and never changes. Leave it out of data.'
    if field.name == DELETED:
        return f'"{DELETED}" can\'t be set by an event. Append an event of type delete instead.'
    if field.hidden:
        return f'"{field.name}" is a hidden field, which an event can\'t set. Leave it out of data.'
    if field.computed:
        return f'"{field.name}" is computed on the server (attach --computed). Leave it out of data.'
    if field.type not in SETTABLE:
        return f'"{field.name}" is a field of type {field.type}, which an event can\'t set. Leave it out of data.'
    return None


def why_no_id(item_id: str) -> str | None:
    """Why no row can have this id; None when one can (the collection may still ask for more)."""
    if len(item_id.encode()) > MAX_ID:
        return f"item_id is longer than {MAX_ID} bytes, more than PocketBase can address in a batch. Make it shorter."
    bad = _FORBIDDEN_IN_ID.search(item_id)
    if bad is None:
        return None
    return (
        f"item_id {quote(item_id)} holds the character {quote(bad[0])}, which no id may hold."
        " Use letters and digits (15 of a-z and 0-9 unless the collection says otherwise)."
    )


def quote(text: str) -> str:
    """The text in double quotes, cut to 80 characters, odd ones escaped."""
    return json.dumps(text if len(text) <= 80 else text[:79] + "…", ensure_ascii=False)  # noqa: PLR2004
