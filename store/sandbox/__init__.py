"""store/sandbox"""
