"""The reference says what the program has, and nothing else."""

import re
from collections.abc import Iterator

import click
import pytest
import typer.main
from support.pages import DOCS, ROOT, tables

from pocketbase_events.cli import app
from pocketbase_events.settings import Settings

REFERENCE = DOCS / "reference.md"
COMMAND = typer.main.get_command(app)
assert isinstance(COMMAND, click.Group) or hasattr(COMMAND, "commands")
COMMANDS = COMMAND.commands
EVERYWHERE = {"--json", "--help"}  # options that the page explains once


def synopses() -> Iterator[tuple[str, str]]:
    """Each synopsis on the page, with its command."""
    for first, *_ in tables(REFERENCE, under="Commands"):
        for synopsis in re.findall(r"`([^`]+)`", first):
            yield synopsis.split()[0], synopsis


def documented(name: str) -> str:
    return " ".join(synopsis for command, synopsis in synopses() if command == name)


def test_the_commands_are_those_of_the_program() -> None:
    assert {command for command, _ in synopses()} == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_options_of_a_command_are_those_of_the_program(name: str) -> None:
    options = {option for parameter in COMMANDS[name].params for option in (*parameter.opts, *parameter.secondary_opts)}
    long = {option for option in options if option.startswith("--")}
    assert set(re.findall(r"--[a-z-]+", documented(name))) == long - EVERYWHERE


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_arguments_of_a_command_are_those_of_the_program(name: str) -> None:
    arguments = {
        str(parameter.metavar or parameter.name).strip("[]{}.").upper()
        for parameter in COMMANDS[name].params
        if parameter.param_type_name == "argument"
    }
    without_options = re.sub(r"\[--[^\]]*\]|--\w+(?: [A-Z\\|]+\b(?!…))?", "", documented(name))
    assert set(re.findall(r"\b[A-Z]{2,}\b", without_options)) == arguments


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_help_of_a_command_has_an_example(name: str) -> None:
    assert f": pocketbase-events {name}" in str(COMMANDS[name].help)


def test_the_options_of_all_commands_are_those_of_the_program() -> None:
    first_block = REFERENCE.read_text().split("```")[1]
    shared = {option for parameter in COMMAND.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", first_block)) == {
        option for option in shared if option not in ("--install-completion", "--show-completion", "--help")
    }


def test_the_variables_are_those_of_the_program() -> None:
    shown = {name for row in tables(REFERENCE, under="Variables") for name in re.findall(r"`(POCKETBASE_\w+)`", row[0])}
    assert shown == {str(field.validation_alias) for field in Settings.model_fields.values()}


def test_every_variable_is_in_the_help() -> None:
    help_text = COMMAND.get_help(click.Context(COMMAND)) + str(COMMAND.epilog)
    shown = [*(parameter.envvar for parameter in COMMAND.params), help_text]
    for field in Settings.model_fields.values():
        assert any(str(field.validation_alias) in str(text) for text in shown)


def test_the_log_lines_are_those_of_the_program() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "pocketbase_events").rglob("*.py"))
    written = set(re.findall(r"log(?:ger\(\))?\.(?:info|warning|error)\(\s*\"(\w+)\"", sources))
    assert len(written) > 10
    shown = {name for row in tables(REFERENCE, under="Log lines") for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == written
