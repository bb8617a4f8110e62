"""The pages as people see them, on a wide and on a narrow screen."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.pages import PAGES, README, name_of, rendered

pytestmark = pytest.mark.browser
WIDTHS = (1200, 400)  # pixels
# As GitHub has it: code and tables scroll, everything else wraps.
STYLE = """
body { font: 16px/1.5 sans-serif; margin: 0; }
main { max-width: 980px; margin: auto; padding: 16px; overflow-wrap: break-word; }
code { font: 85% monospace; background: #eff1f3; padding: .2em .4em; white-space: break-spaces; border-radius: 6px; }
pre { background: #f6f8fa; padding: 16px; overflow: auto; line-height: 1.45; }
pre code { background: none; padding: 0; white-space: pre; }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-collapse: collapse; }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
img { max-width: 100%; }
h1, h2 { border-bottom: 1px solid #d1d9e0; padding-bottom: .3em; }
"""


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[] if page == README else pytest.mark.slow) for page in PAGES], ids=name_of
)
def test_a_page_fits_and_shows_its_pictures(page: Path, chromium: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    base = f'<base href="{page.parent.as_uri()}/">'
    file.write_text(f"<!doctype html><meta charset=utf-8>{base}<style>{STYLE}</style><main>{rendered(page)}</main>")
    for width in WIDTHS:
        with chromium.new_page(viewport={"width": width, "height": 900}) as shown:
            shown.goto(file.as_uri())
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
            assert shown.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
            assert shown.locator("h1").count() == 1
