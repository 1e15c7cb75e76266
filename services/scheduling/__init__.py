"""The service scheduling; its README.md says what it owns, says, hears, shows and refuses."""
