"""What the data of a campaign look like: profile, distributions, segments, collinear columns."""
