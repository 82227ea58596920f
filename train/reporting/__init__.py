"""A training told on one page."""
