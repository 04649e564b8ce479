"""The embedded Apache Kafka: fetched against a lock, run by the JRE wheel, on loopback only."""
