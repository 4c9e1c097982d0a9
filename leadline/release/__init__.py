"""What travels to production: archives, the bundle that arrives in the build, the release, and where they are kept."""
