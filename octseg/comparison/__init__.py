"""Two readings of the same frames held against each other: a model's and an expert's, two readers', two models'."""
