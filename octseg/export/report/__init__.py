"""Results as HTML to read and to print: of one frame, and of a pullback."""

from octseg.export.report.frame import report_html

__all__ = ["report_html"]
