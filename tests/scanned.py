"""Streamlit looks for components in the metadata of every installed package, once per dashboard and once per `AppTest`: 0.35 s of the
processor on a busy machine, two thirds of what a test took that opens a page. Here it looks once per process, and forks know the answer.

What is installed does not change while tests run. Importing this module is enough.
"""

from functools import cache

from streamlit.components.v2 import manifest_scanner

manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
manifest_scanner.scan_component_manifests()
