"""A network trained: views drawn by chance, the loop, its state, its pace, and what is seen of it while it runs."""
