"""The four services. Each one owns its store; none imports another."""
