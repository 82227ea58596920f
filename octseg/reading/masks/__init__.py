"""Masks that other programs have drawn, as they meant them."""
