"""The main job in one go: train, queue the customers, run the worker, and hold what came out against what went in."""
