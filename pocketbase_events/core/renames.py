"""Fields that were renamed: what events up to a seq said of the old name is read as said of the new one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.modifiers import field_of, modifier_of
from pocketbase_events.core.schema import Rename


def with_renamed(before: Sequence[Rename], names: Mapping[str, str], seq: int) -> list[Rename]:
    """The renames once these fields (old name to new one) are renamed, of which events up to `seq` know nothing."""
    earlier = [each._replace(new=names.get(each.new, each.new)) for each in before]
    return [*earlier, *(Rename(old, new, seq) for old, new in names.items())]


def as_named_now(event: Recorded, renames: Sequence[Rename]) -> Recorded:
    """The event with today's names of fields, modifiers included. Its hash is that of the event as it is in the log."""
    if not renames or not isinstance(event.data, dict):
        return event
    now = {key: _key_now(key, event.seq, renames) for key in event.data}
    if all(key == name for key, name in now.items()):
        return event
    # If an event gives both, its own value of the new name stays.
    data = {name: event.data[key] for key, name in now.items() if name == key or now.get(name) != name}
    return replace(event, data=data)


def _key_now(key: str, seq: int, renames: Sequence[Rename]) -> str:
    """Today's form of a key that an event of this seq has."""
    name = field_of(key)
    found = [each for each in renames if each.old == name and seq <= each.up_to]
    if not found:
        return key
    new = min(found, key=lambda each: each.up_to).new
    if modifier_of(key) is None:
        return new
    return f"+{new}" if key.startswith("+") else f"{new}{key[-1]}"
