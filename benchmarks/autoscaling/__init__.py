"""A worker's day on paper: KEDA, the HPA and the node autoscaler, second by second."""
