"""The pattern database: model, loader, precedence and the multi-pattern matcher; start at ``matcher.py``."""
