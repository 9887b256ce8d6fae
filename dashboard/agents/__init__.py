"""The door for agents: a Model Context Protocol server over a store, with the sandbox and the limits that people have."""
