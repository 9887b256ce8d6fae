"""store/pairs"""
