"""What passes between Leadline and others: customers, events, decisions, leads and manifests, with units and bounds."""
