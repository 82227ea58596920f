"""The model's and the dataset's card, and what their texts are made of."""
