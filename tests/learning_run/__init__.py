"""``make learning``: six simulated months, a model that learns from late labels beside one that does not, and poisoned labels."""
