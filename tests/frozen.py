"""What a process has imported by now stays, so that no garbage collection of its forks looks at it, and copies its pages. Importing this is enough."""

import gc

gc.collect()
gc.freeze()
