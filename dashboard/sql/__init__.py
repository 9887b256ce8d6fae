"""dashboard/sql"""
