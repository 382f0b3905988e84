"""/p/{slug}: landing pages, their variants, and what is counted of a visit."""
