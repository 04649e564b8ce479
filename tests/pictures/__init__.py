"""The pictures of the page in ``docs/pictures``."""
