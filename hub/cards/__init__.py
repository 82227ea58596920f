"""Cards: what a repository says of itself."""
