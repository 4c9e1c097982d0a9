"""The outside world on AWS: SQS, DynamoDB, SNS and S3. Nothing else imports boto3."""
