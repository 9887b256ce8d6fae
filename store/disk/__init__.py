"""store/disk"""
