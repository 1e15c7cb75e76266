"""What Kith needs of Kafka: the exact jars of the broker and the topics."""
