"""dashboard/help"""
