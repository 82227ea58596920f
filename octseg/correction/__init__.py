"""A reader's changes of outlines: what each stroke changed, kept in a log, done and undone, and what is measured then.

Outlines are labels here: palette indices (H, W) uint8, 0 for no tissue, one tissue a pixel, as `octseg predict` saves.
"""
