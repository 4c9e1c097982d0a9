"""One module for each verb; each holds a click command of the verb's name."""
