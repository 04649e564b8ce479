"""The front door for people and other systems: command line, supervisor, read models, the demo."""
