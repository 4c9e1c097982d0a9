"""The outside world on one machine: queue and store in SQLite files, the topic as a file of JSON lines. No AWS."""
