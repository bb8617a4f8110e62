"""A rebuild says which values PocketBase generated anew."""

import pytest
from support import Server, item_id
from support.rebuilding import edit, record, told


@pytest.mark.slow
def test_fields_that_pocketbase_fills_in_are_named_if_rows_were_inserted(opened: Server) -> None:
    title, made = {"name": "title", "type": "text"}, {"name": "made", "type": "autodate", "onCreate": True}
    opened.create_collection("dated", [title, made], listRule="")
    opened.attach("dated", lock=False)
    for number in (1, 2):
        opened.guest().append("create", item_id(number), {"title": "x"}, "dated")
    record(opened)
    edit(opened, "UPDATE dated SET title = 'by hand'")
    assert "new values" not in told(opened, "dated", code=0)
    edit(opened, f"DELETE FROM dated WHERE id = '{item_id(1)}'")
    assert "dated: the rows that were inserted have new values of made" in told(opened, "dated", code=0)
