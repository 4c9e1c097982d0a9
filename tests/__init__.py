"""The tests. Each name says in a sentence what holds."""
