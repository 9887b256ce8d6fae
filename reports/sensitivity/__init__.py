"""reports/sensitivity"""
