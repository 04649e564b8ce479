"""Everything that touches the world: Kafka, clock, files, git, HTTP, metrics; imports only ``schemas``."""
