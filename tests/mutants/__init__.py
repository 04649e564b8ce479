"""Defects put into the running code one at a time, each of which the invariants must find; they prove the checker."""
