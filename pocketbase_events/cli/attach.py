"""attach: put collections under the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from pocketbase_events.cli import attach_options as option
from pocketbase_events.cli.attach_words import plan_as_json, plan_in_words
from pocketbase_events.cli.options import JsonOption
from pocketbase_events.cli.output import log_to_stderr, print_json, say, tell
from pocketbase_events.cli.progress import progress
from pocketbase_events.cli.questions import agreed
from pocketbase_events.errors import ProblemError, WrongUsageError
from pocketbase_events.jobs.adopt import adopt as adopt_rows
from pocketbase_events.jobs.attach import carry_out
from pocketbase_events.jobs.attach_plan import Plan, Wish, plan
from pocketbase_events.jobs.fill_in import fill_in
from pocketbase_events.jobs.lock import lock_offline
from pocketbase_events.jobs.targets import installation
from pocketbase_events.pb.admin import Admin, administration
from pocketbase_events.pb.connect import gateway, superuser_gateway
from pocketbase_events.settings import Settings

NAMED = 10  # items in a sentence


@dataclass(frozen=True, slots=True)
class _How:
    """How to attach, besides what is wished for."""

    adopt: bool
    yes: bool
    dry_run: bool
    unless_attached: bool


def attach(
    context: typer.Context,
    collections: option.Names,
    create: option.Create = None,
    update: option.Update = None,
    delete: option.Delete = None,
    allow: option.Allow = None,
    history: option.History = None,
    lock: option.Lock = None,
    adopt: option.Adopt = False,
    computed: option.Computed = None,
    renamed: option.Renamed = None,
    unique_among_live: option.UniqueAmongLive = False,
    seq: option.Seq = None,
    unless_attached: option.UnlessAttached = False,
    dry_run: option.DryRun = False,
    yes: option.Yes = False,
    folder: option.Folder = None,
    as_json: JsonOption = False,
) -> None:
    """Put collections under the log. Needs a superuser.

    A RULE is in PocketBase's rule language, over the event that is appended:
    its data, item_id and actor. An empty RULE admits everyone; without one only
    superusers may append. If you give none at all, it proposes rules that mean
    what the collection's own rules do. Run it again to change what you give.

    Example: pocketbase-events attach notes --allow '@request.auth.id != ""'
    """
    given = {"create_rule": create, "update_rule": update, "delete_rule": delete}
    rules = {rule: allow if value is None else value for rule, value in given.items()}
    wish = Wish(
        rules={rule: value for rule, value in rules.items() if value is not None},
        propose=True,
        lock=lock,
        computed=None if computed is None else [name for name in computed if name],
        unique_among_live=unique_among_live,
        renamed=dict(map(_pair, renamed or ())),
        history=history,
        versioned=seq,
    )
    how = _How(adopt=adopt, yes=yes, dry_run=dry_run, unless_attached=unless_attached)
    if folder is not None:
        _lock_offline(folder, collections, wish, how)
        return
    log_to_stderr(as_json=as_json)
    done = _attach(context.obj, collections, wish, how, as_json=as_json)
    if as_json:
        print_json(done[0] if len(collections) == 1 else done)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise WrongUsageError(why=f"--renamed takes OLD=NEW, not {text}.")
    return old, new


def _lock_offline(folder: Path, collections: Sequence[str], wish: Wish, how: _How) -> None:
    if wish.lock is None or wish != Wish(propose=True, lock=wish.lock) or any((how.adopt, how.dry_run)):
        raise WrongUsageError(why="With --dir, attach takes --lock or --no-lock, and nothing else.")
    lock_offline(folder, collections, lock=wish.lock)
    state = "locked" if wish.lock else "open to superusers"
    tell(f"The rows of {', '.join(collections)} are {state}. Start PocketBase again.")


def _attach(
    settings: Settings, names: Sequence[str], wish: Wish, how: _How, *, as_json: bool
) -> list[dict[str, object]]:
    """Attach collections one after the other; returns what --json prints of each."""
    with administration(settings) as admin:
        there = installation(admin)
        names = list(dict.fromkeys(there.spelt(name) for name in names))
        attached = [name for name in names if how.unless_attached and plan(admin, there, name, wish).is_attached]
        for name in attached:
            say(f"{name} is attached already.")
        plans = [plan(admin, there, name, wish) for name in names if name not in attached]
        for line in dict.fromkeys(line for each in plans for line in plan_in_words(each)):
            say(line)
        if how.dry_run:
            say("Nothing was changed.")
            return [*({"collection": name} for name in attached), *(plan_as_json(each) for each in plans)]
        if not how.yes:
            _ask(plans)
        _carry_out(settings, admin, plans, wish, how, quiet=as_json)
    return [{"collection": name} for name in names]


def _ask(plans: Sequence[Plan]) -> None:
    """Ask whether proposed rules are right, and whether rules may admit more than before."""
    proposed = [each.name for each in plans if each.proposed]
    looser = [each.name for each in plans if each.looser]
    if proposed:
        question = f"Attach {', '.join(proposed)} with these rules?"
        otherwise = "Give the rules with --create, --update, --delete or --allow, or take the proposed ones with --yes."
    elif looser:
        question = f"Attach {', '.join(looser)} with rules that admit more than before?"
        otherwise = "To attach with rules that admit more than the collection's own did, give --yes."
    if (proposed or looser) and not agreed(question, otherwise):
        raise ProblemError(why="Nothing was changed.")


def _carry_out(settings: Settings, admin: Admin, plans: Sequence[Plan], wish: Wish, how: _How, *, quiet: bool) -> None:
    with gateway(settings) as seen, superuser_gateway(settings) as superuser, progress() as watch:
        for shown in plans:
            planned = plan(admin, installation(admin), shown.name, wish)
            if _told(planned) != _told(shown):
                raise WrongUsageError(why=f"{shown.name} was changed meanwhile. Run attach again.")
            rows = None
            if how.adopt:
                adopted = adopt_rows(admin, seen, superuser, planned, watch)
                rows = adopted.rows
                _say_gone(shown.name, adopted.gone)
            else:
                _say_former(shown.name, carry_out(admin, planned).former_items)
            numbered = fill_in(seen, superuser, shown.name, watch) if planned.fills_in else None
            if not quiet:
                _print_attached(shown, rows, numbered)


def _told(plan: Plan) -> tuple[object, ...]:
    """What somebody has agreed to."""
    return plan.collection, plan.rules, plan.history, plan.own


def _print_attached(plan: Plan, rows: int | None, numbered: int | None) -> None:
    again = " already. What was not named stays as it is" if plan.is_attached else ": append events to write its rows"
    tell(f"{plan.name} is attached{again}.")
    if rows is not None:
        tell(f"{rows} rows were adopted.")
    if numbered is not None:
        tell(f"{numbered} rows were given their seq.")


def _say_gone(collection: str, gone: Sequence[str]) -> None:
    if gone:
        named = ", ".join(gone[:NAMED]) + (f" and {len(gone) - NAMED} more" if len(gone) > NAMED else "")
        say(
            f"The log has items that {collection} has no row of: {named}. To have them again, run:"
            f" pocketbase-events rebuild {collection}"
        )


def _say_former(collection: str, items: int) -> None:
    if items:
        say(
            f"The log has {items} items of {collection} from before, which have no row. To have them again, run:"
            f" pocketbase-events rebuild {collection}"
        )
