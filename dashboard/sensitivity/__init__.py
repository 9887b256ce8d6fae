"""dashboard/sensitivity"""
