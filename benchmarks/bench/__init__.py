"""What an event costs: Leadline beside other consumers, against a stand-in for AWS, in one interleaved run."""
