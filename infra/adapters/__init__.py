"""One port each, no decisions inside."""
