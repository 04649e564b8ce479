"""``healstream report``: what the last weeks came to, as one page and its tables."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import typer

from console.cli.formats import Output
from console.cli.people_here import people_of
from console.cli.show import NAME, OUTPUT, brokers_of, home, show, talk
from console.configuration import load_services
from console.home import write_file
from console.periods import begin_of
from console.topic_reader import read_model
from infra.adapters.launch import write_whole
from infra.kafka import read_to_end
from schemas.errors import ConfigurationError, UsageError
from schemas.oversight import Feedback
from schemas.people import People
from schemas.services import Services


class TableFormat(StrEnum):
    """What the tables of a report are written as."""

    CSV = "csv"
    PARQUET = "parquet"


_SINCE = typer.Option("30d", "--since", help="30m, 24h, 7d, 2w or a time; topics keep 30 days")
_FOLDER = typer.Option(Path("healstream-report"), "--folder", help="where the page and the tables are written")
_FORMAT = typer.Option(TableFormat.CSV, "--format", help="what the tables are written as; parquet takes healstream[parquet]")
_TOIL = typer.Option(30.0, "--toil-minutes", min=0.0, help="what a person is taken to need for one failure")


def add_to(app: typer.Typer, text: str) -> None:
    """Add the command."""
    app.command("report", help=text)(report)


def report(
    since: str = _SINCE,
    folder: Path = _FOLDER,
    toil_minutes: float = _TOIL,
    tables: TableFormat = _FORMAT,
    name: str = NAME,
    output: Output = OUTPUT,
) -> None:
    """Write report.html and a file for each table into the folder, and show the figures."""
    # Imported here: the tables' library takes half a second, and --help and wrong words need none of it.
    from console.report_page import csv_texts, page_of, parquet_files  # noqa: PLC0415
    from console.reports import Asked, report_of  # noqa: PLC0415

    now = datetime.now(UTC)
    asked = Asked(begin_of(since, now).astimezone(UTC), now, toil_minutes)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--folder {folder}", "it is a file", "Name a folder; it is made when it is not there")
    brokers = brokers_of(name)
    words = [record for record in read_to_end(brokers, "learning.feedback") if isinstance(record, Feedback)]
    made = report_of(read_model(brokers).incidents, _services(name), words, _people(name), asked)
    files = parquet_files(made) if tables is TableFormat.PARQUET else {}
    texts = {"report.html": page_of(made), **({} if files else csv_texts(made))}
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        write_file(folder / file, text, 0o644)
    for file, content in files.items():
        write_whole(folder / file, content, 0o644)
    rows = [{str(key): _plain(value) for key, value in row.items()} for row in made.tables["figures"].to_dict("records")]
    show(rows, output, ("figure", "value", "unit", "low", "high", "of"))
    talk(f"{len(made.incidents)} incidents since {asked.begin:%Y-%m-%d %H:%M} UTC; read {folder / 'report.html'}")


def _plain(value: object) -> object:
    # A number that is missing is none: JSON knows no other word for it.
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - nothing but "not a number" differs from itself


def _services(name: str) -> Services:
    try:
        return load_services(home(name).config)
    except ConfigurationError as error:
        talk(f"services.yaml was not read, so incidents of services have no team: {error.why}")
        return Services()


def _people(name: str) -> People:
    try:
        return people_of(home(name))
    except ConfigurationError as error:
        talk(f"people.yaml was not read, so nobody's feedback counts: {error.why}")
        return People()
