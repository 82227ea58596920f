"""The command `octseg`, a file for each of its commands."""
