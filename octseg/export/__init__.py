"""Results as files: PNG, CSV, JSON and a ZIP of them, each with where it came from."""
