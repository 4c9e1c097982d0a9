"""What Leadline is measured against: consumers as others write them."""
