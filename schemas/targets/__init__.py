"""What may be healed beside services and their configuration files: one type of target a file, each a ``TargetSpec``."""
