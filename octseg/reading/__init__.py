"""Path or bytes to a pullback, and the scale of its frames."""
