"""The service intake; its README.md says what it owns, says, hears, shows and refuses."""
