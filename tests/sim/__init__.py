"""The whole system in one thread of control and virtual time, under faults drawn from a seed; judged by the invariants alone."""
