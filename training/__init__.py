"""CSV files in, a chosen and signed model bundle out."""
