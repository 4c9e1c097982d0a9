"""From a customer to a decision: features, the model bundle, score, threshold and consent."""
