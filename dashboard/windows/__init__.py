"""dashboard/windows"""
