"""The demo: real things in a sandbox folder, broken on purpose and healed for real."""
