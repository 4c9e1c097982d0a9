"""Whether the files of the road to production are right: read, checked by the tools that run them, and tried."""
