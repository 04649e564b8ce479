"""From raw bytes to a healing command, and back from the outcome to the lesson: pure stages; the map is ``flow.py``."""
