"""The page in the browser; only app.py imports it."""
