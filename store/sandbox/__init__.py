"""The sandbox: SQL from other people, in bounded processes that cannot write, and its answers as text and files."""
