"""From the network's probability to outlines that anatomy allows, and to the frames of which nothing can be said."""
