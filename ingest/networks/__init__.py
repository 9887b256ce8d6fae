"""Networks: V-JEPA and EfficientNet-Lite0 of ours, and models through transformers."""
