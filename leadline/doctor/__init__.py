"""What can be seen to be wrong in manifests, before a cluster has them."""
