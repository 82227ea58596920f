"""Lipid-rich plaque in intravascular OCT: outlines, plaque area, lipid arc and cap thickness, with a stated scale."""

__version__ = "0.1.0"
