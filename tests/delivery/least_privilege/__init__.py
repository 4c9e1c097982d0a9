"""Whether what is asked of AWS is what the shipped policies grant: requests seen at the HTTP side, and their judge."""
