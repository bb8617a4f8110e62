"""The pages for people, taken apart: their code, their links, their anchors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
README, CONTRIBUTING, SECURITY = (ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY"))
DOCS = ROOT / "docs"
PAGES = [
    *(README, CONTRIBUTING, SECURITY, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))),
    *(ROOT / "benchmarks" / "README.md", ROOT / "tests" / "faults" / "README.md"),
]
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code."""

    language: str
    text: str


def name_of(page: Path) -> str:
    """The page's name, for a test's id."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """The page's blocks of code."""
    return [Block(token.info, token.content) for token in _tokens(page) if token.type == "fence"]


def commands(page: Path) -> list[str]:
    """The page's lines of shell, without comments; a line that goes on in the next one is one."""
    shell = (block.text.replace("\\\n", "") for block in blocks(page) if block.language == "sh")
    return [line.strip() for text in shell for line in text.splitlines() if line.strip()]


def links(page: Path) -> Iterator[str]:
    """Where the page's links and images lead."""
    for token in _inlines(page):
        for attribute in ("href", "src"):
            if attribute in token.attrs:
                yield unquote(str(token.attrs[attribute]))


def anchors(page: Path) -> set[str]:
    """What a link may name in the page, as GitHub makes it from the headings."""
    tokens = _tokens(page)
    headings = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def tables(page: Path, *, under: str) -> list[list[str]]:
    """The cells of each row of the tables in the chapter with this heading, the heads of columns left out."""
    chapter = re.split(r"^## ", page.read_text(), flags=re.MULTILINE)
    text = next(part for part in chapter if part.startswith(f"{under}\n"))
    rows = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    # A bar within code is written \|.
    return [[cell.replace(r"\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows if "`" in row]


def rendered(page: Path) -> str:
    """The page as HTML."""
    return str(MARKDOWN.render(page.read_text()))


def _tokens(page: Path) -> list[Token]:
    return list(MARKDOWN.parse(page.read_text()))


def _inlines(page: Path) -> Iterator[Token]:
    for token in _tokens(page):
        yield from token.children or ()
