"""dashboard/corpus"""
