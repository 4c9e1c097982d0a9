"""SQS, SNS, DynamoDB and STS as far as a consumer calls them, in a process of their own, fast enough to measure it."""
