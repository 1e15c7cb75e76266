"""What Kith needs of PostgreSQL: a database and three roles for each service."""
