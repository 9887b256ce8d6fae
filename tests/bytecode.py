"""Compiled modules are kept, also where PYTHONDONTWRITEBYTECODE is set: one process of a run compiles a module, and the hundreds after it read it.

Importing this module, before others, is enough.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
