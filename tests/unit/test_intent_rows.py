"""The rows that the chain with modifiers, restores, groups and versions folds into."""

import json
from pathlib import Path

from pocketbase_events.core.events import Recorded
from pocketbase_events.core.fold import Fold

VECTORS = Path(__file__).parents[1] / "vectors"


def test_the_vectors_fold_into_their_rows() -> None:
    events = [Recorded(id="", **json.loads(line)) for line in (VECTORS / "intent.jsonl").read_text().splitlines()]
    fold = Fold({"shopping_items": None, "notes": None})
    fold.apply(events)
    rows = {
        f"{collection}/{key}": {**item.fields, "deleted": item.deleted, "seq": item.changed}
        for collection, items in fold.rows.items()
        for key, item in items.items()
    }
    assert rows == json.loads((VECTORS / "intent_rows.json").read_text())
