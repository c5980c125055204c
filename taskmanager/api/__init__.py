"""How the outside reaches the application: REST, Kafka messages, health."""
