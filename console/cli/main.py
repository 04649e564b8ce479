"""``healstream``: finds the noun, imports its file only, and turns every explained failure into what, why, next and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from console.cli.hints import copy_in, for_copy
from schemas.errors import HealstreamError

NOUNS: tuple[tuple[str, str], ...] = (
    ("demo", "Break real things in a sandbox and watch them heal"),
    ("up", "Start everything on this machine, observing only by default"),
    ("down", "Stop what `up` started; its data stays"),
    ("status", "Show processes, ports, lag and incidents"),
    ("doctor", "Check this machine and say what to do"),
    ("explain", "Say what is wrong in one log, and what would be done"),
    ("classify", "Classify many logs, JSON lines in and out"),
    ("serve", "Take webhooks, logs and reports of other systems in over HTTP"),
    ("send", "Produce logs, events or health checks"),
    ("incident", "Look at incidents and have the last word: list, get, explain, watch, run, force, hands-off, cancel, mark-healed"),
    ("recovery", "Follow and steer recoveries: list, get, watch, run, rollback, cancel"),
    ("approval", "Say yes or no to what waits: list, approve, deny"),
    ("killswitch", "Stop healing at once: engage, release, status, refused"),
    ("freeze", "Leave targets alone for a while: add, hands-off, list, lift"),
    ("circuit", "What keeps failing and is no longer tried: list, get, reset"),
    ("target", "What may be healed, whose it is and by which strategies: list, get, explain"),
    ("rollout", "How far each strategy may go: list, get, set"),
    ("site", "The page where people decide: rebuild, password"),
    ("policy", "What the policy makes of a decision: explain, test"),
    ("audit", "Check, read and keep the audit chain: verify, export, publish, tail"),
    ("replay", "Decide what is stored again: rebuilt from its record, or under a candidate policy"),
    ("report", "What the last weeks came to, as one page and its tables"),
    ("pattern", "Failure patterns: new, lint, test, backtest, list, get, proposals, accept, refuse, enable, disable, audit"),
    ("model", "The classifier that acts: list, get, promote, rollback"),
    ("feedback", "Say whether an incident was judged rightly, for the classifier to learn: give, list"),
    ("strategy", "The strategies: how far each may go, how it does and which leads: list, get"),
    ("deadletter", "What could not be read or used, and why: list, get"),
    ("topics", "The topics and who may do what with them: create, check, acls"),
    ("config", "The configuration: view, check, diff, publish, rollback, versions"),
    ("backup", "Copy patterns, policy, services and people, with checksums"),
    ("restore", "Put a backup in place after checking all of it"),
    ("init", "Make a configuration folder, the first person and the keys"),
    ("version", "Show the version"),
)


def app_for(argv: Sequence[str]) -> typer.Typer:
    """Return the program with the noun of the call; the others only as lines of the help."""
    app = typer.Typer(
        name="healstream",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Heals known, boring and repairable failures, safely.",
    )
    app.callback()(_root)
    for noun, text in NOUNS:
        if argv and argv[0] == noun:
            import_module(f"console.cli.{noun}").add_to(app, text)
        else:
            app.command(noun, help=text)(_root)
    return app


def _root() -> None:
    return None


def was_interrupted(error: BaseException) -> bool:
    """Tell whether a person pressed Ctrl-C: a client in C that was interrupted hands that on as the cause of an error of its own."""
    return isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt)


def run(argv: Sequence[str] | None = None) -> None:
    """Run one call and exit with its code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        app_for(words)(words)
    except HealstreamError as error:
        sys.stderr.write(f"error: {error.what}: {error.why}\n next: {for_copy(error.mend, copy_in(words))}\n")
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemError) as error:
        if not was_interrupted(error):
            raise
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        sys.stderr.write(
            f"error: {error.filename or 'system'}: {error.strerror or error}\n next: Mend the disk or the folder's rights, then try again\n"
        )
        sys.exit(1)


if __name__ == "__main__":
    run()
