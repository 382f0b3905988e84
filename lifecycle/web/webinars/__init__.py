"""Pages of webinars: those to come, one of them, and somebody's own registration."""
