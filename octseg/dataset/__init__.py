"""A dataset as it is stored: its folder, columns, terms, Parquet files, and the gate of publishing."""
