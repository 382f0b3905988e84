"""Who may not be written to: opt-outs, topics, blocked addresses, and what mail providers report of them."""
