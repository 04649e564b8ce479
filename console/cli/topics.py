"""``healstream topics create|check``."""

from __future__ import annotations

import typer

from console.cli.show import NAME, brokers_of, talk
from infra.topics_admin import create_topics, topic_problems

PROBLEMS = 8


def add_to(app: typer.Typer, text: str) -> None:
    """Add the noun."""
    noun = typer.Typer(no_args_is_help=True)
    noun.command("create")(create)
    noun.command("check")(check)
    app.add_typer(noun, name="topics", help=text)


def create(name: str = NAME) -> None:
    """Create what is missing."""
    made = create_topics(brokers_of(name))
    talk("\n".join(f"created {topic}" for topic in made) or "all topics are there")


def check(name: str = NAME) -> None:
    """Name what is missing or has another partition count; exit 8 when there is any."""
    problems = topic_problems(brokers_of(name))
    talk("\n".join(problems) or "all topics are as they should be")
    if problems:
        raise typer.Exit(PROBLEMS)
