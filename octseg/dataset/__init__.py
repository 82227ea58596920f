"""A dataset as it is stored: its folder, columns, terms, card and Parquet files."""
