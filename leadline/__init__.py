"""The door: `leadline VERB`."""
