"""A report as one file for people and its tables as files for programs; pure. Texts of logs are strangers': they stay text everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from console.report_pictures import ends_picture, times_picture
from console.reports import Report, Table
from schemas.errors import ConfigurationError

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222;background:#fff}"
    "table{border-collapse:collapse;width:100%;font-size:13px}td,th{border-bottom:1px solid #ddd;padding:3px 8px;text-align:left;"
    "overflow-wrap:break-word}svg{max-width:100%;height:auto}"
)
_TITLES = {
    "figures": "Figures",
    "by_owner": "By team or owner",
    "by_pattern": "By pattern",
    "by_strategy": "By strategy",
    "observed": "What would have been healed, had it been allowed",
    "trend": "Day by day",
    "next_patterns": "The next pattern to write: failures that nothing explains",
}
# What a spreadsheet takes for a formula when a cell begins with it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def page_of(report: Report) -> str:
    """Return the page; it asks nothing of any other host."""
    asked, trend = report.asked, report.tables["trend"]
    about = (
        f"Incidents opened from {asked.begin:%Y-%m-%d %H:%M} to {asked.end:%Y-%m-%d %H:%M} UTC: {len(report.incidents)}. "
        f"Each failure healed with nobody's help is taken to have saved {asked.toil_minutes:g} minutes of a person; "
        "set --toil-minutes to what it is with you. What came back by itself earns no credit."
    )
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>healstream: report</title>',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<style>{_STYLE}</style><h1>What healing came to</h1><p>{escape(about)}</p>",
    ]
    for name, title in _TITLES.items():
        parts.append(f"<h2>{title}</h2>")
        if name == "trend" and len(trend):
            parts += [ends_picture(trend), times_picture(trend)]
        parts.append(_shown(report.tables[name]))
    return "\n".join([*parts, "</html>"]) + "\n"


def csv_texts(report: Report) -> Mapping[str, str]:
    """Return every table as CSV by the name of its file, the one of all incidents too."""
    return {f"{name}.csv": str(_harmless(table).to_csv(index=False, lineterminator="\n")) for name, table in _all(report).items()}


def parquet_files(report: Report) -> Mapping[str, bytes]:
    """Return every table as Parquet by the name of its file, with its own types; raises ConfigurationError where its library is missing."""
    try:
        return {f"{name}.parquet": bytes(table.to_parquet(None, engine="pyarrow", index=False)) for name, table in _all(report).items()}
    except ImportError as error:
        mend = "Install it with `pip install 'healstream[parquet]'`, or take --format csv"
        raise ConfigurationError("--format parquet", "pyarrow is not installed", mend) from error


def _all(report: Report) -> Mapping[str, Table]:
    return {**report.tables, "incidents": report.incidents}


def _shown(table: Table) -> str:
    if not len(table):
        return "<p>none</p>"
    titled = table.rename(columns=lambda name: str(name).replace("_", " "))
    return str(titled.to_html(index=False, border=0, escape=True, na_rep="-", float_format="{:.2f}".format))


def _harmless(table: Table) -> Table:
    return table.map(lambda cell: f"'{cell}" if isinstance(cell, str) and len(cell) > 1 and cell.startswith(_FORMULA) else cell)
