"""What a sequence says and what it decides about one person. Pure: no query, no clock, no settings."""
