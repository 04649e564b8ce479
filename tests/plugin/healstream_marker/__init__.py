"""A third party's strategy: clear a stale marker file that keeps a service from its work; its card and its code."""
