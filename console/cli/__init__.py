"""The command line: one file a noun, imported only when its noun is said."""
