"""The worker in virtual time, with faults."""
