"""store/questions"""
