"""The report `changes`: how far tokens move when the pixels of their window are changed."""
