"""Pictures: a file for each format, which judges its header, and what they share; decoding.py decodes all of them."""
