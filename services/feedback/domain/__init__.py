"""What feedback decides: instruments, scores, batteries, crisis contacts, check-ins. No I/O, no clock."""
