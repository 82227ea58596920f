"""Training and evaluation; `python -m train` and `python -m train.evaluate`."""
