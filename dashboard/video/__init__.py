"""dashboard/video"""
