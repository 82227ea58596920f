"""Frame and masks to pictures."""
