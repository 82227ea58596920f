"""Many pullbacks in one folder of results: cases, claims, manifests, workers, and the tables of all of them.

What is done with one case is handed in (`Work`), so this room knows folders, processes and tables, and no model.
"""
