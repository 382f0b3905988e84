"""Mail that leaves: queued, claimed, checked, composed, delivered, settled; and what its readers do with it."""
