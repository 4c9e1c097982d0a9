"""How a model treats groups of customers: shares, ratios with their chance, proxies."""
