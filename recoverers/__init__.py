"""From a healing command to a verified outcome: the run, its journal, the recipes, verification and rollback."""
