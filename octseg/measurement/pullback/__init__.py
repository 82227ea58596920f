"""From the measures of frames, one by one, to those along the vessel: pure functions on small arrays."""

from octseg.measurement.pullback.frames import FrameAlong
from octseg.measurement.pullback.measuring import PullbackMeasures, measure_pullback
from octseg.measurement.pullback.scales import scale_warnings
from octseg.measurement.pullback.stretch import RangeMeasures, StretchMeasures

__all__ = ["FrameAlong", "PullbackMeasures", "RangeMeasures", "StretchMeasures", "measure_pullback", "scale_warnings"]
