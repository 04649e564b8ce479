"""Structured log lines for the shells: JSON on standard error, escaped, with the process's name."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(process: str) -> None:
    """Set structlog up for this process; a line is one JSON object, so text from strangers cannot forge another."""
    # Libraries build a debug record for every fetch, although no handler shows one.
    logging.disable(logging.DEBUG)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
