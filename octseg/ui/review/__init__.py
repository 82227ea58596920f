"""The page of `octseg review`: saved results, looked at and corrected without the model that made them."""
