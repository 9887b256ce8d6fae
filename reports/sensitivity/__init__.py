"""The report on window sensitivity: which dimensions react when the window around the same frames shifts."""
