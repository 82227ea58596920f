"""Frames and expert masks, from wherever they come, to the processed dataset folder of design.md."""
