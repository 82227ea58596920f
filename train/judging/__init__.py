"""What a model found held against what is true: figures of merit, and pictures of both."""
