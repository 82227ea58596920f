"""Where `octseg.view.grey` was: scripts of others import it from here. Nothing of ours does."""

from octseg.view.grey import grey_to_sepia, is_sepia, sepia_to_grey

__all__ = ["grey_to_sepia", "is_sepia", "sepia_to_grey"]
