"""Trains generators with PyTorch and exports them as style files; run it as `python -m export`."""
