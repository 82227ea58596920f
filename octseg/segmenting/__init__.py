"""From frames to results: stages that run ahead of each other, and what is the same for all frames of a pullback."""
