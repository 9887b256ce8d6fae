"""Questions: visible SQL with bound values, and the connections that answer it."""
