"""Views kept from Kafka in PostgreSQL: ours beside what others would write, the same topic, the same three views."""
