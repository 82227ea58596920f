"""Publishing on the Hugging Face Hub: weights, data, the app and results. `python -m hub --help`."""
