"""Training a small V-JEPA 2.1, and evaluating encoders: generated scenes, pretraining, evaluation."""
