"""``make outcomes``: an hour of seeded failures on real services and CI jobs, healed, and beside it the same without healing."""
