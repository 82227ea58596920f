"""From maps of a frame to numbers with units: pure functions on arrays, no files, no torch."""

from octseg.measurement.cores import CoreMeasures
from octseg.measurement.frame import FrameMeasures, measure
from octseg.measurement.pullback import PullbackMeasures, measure_pullback

__all__ = ["CoreMeasures", "FrameMeasures", "PullbackMeasures", "measure", "measure_pullback"]
