"""How AWS names resources: by which property, with which ARN, and what `Ref` gives."""

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """How resources of a type are named: the property of the name, the ARN, and what Ref gives."""

    name: str
    arn: str
    ref: str


_HERE: Final = "{region}:{account}"
KINDS: Final = {
    "AWS::SQS::Queue": Kind(
        "QueueName", f"arn:aws:sqs:{_HERE}:{{name}}", "https://sqs.{region}.amazonaws.com/{account}/{name}"
    ),
    "AWS::SNS::Topic": Kind("TopicName", f"arn:aws:sns:{_HERE}:{{name}}", "{arn}"),
    "AWS::DynamoDB::Table": Kind("TableName", f"arn:aws:dynamodb:{_HERE}:table/{{name}}", "{name}"),
    "AWS::S3::Bucket": Kind("BucketName", "arn:aws:s3:::{name}", "{name}"),
    "AWS::KMS::Key": Kind("", f"arn:aws:kms:{_HERE}:key/{{id}}", "{id}"),
    "AWS::IAM::Role": Kind("RoleName", "arn:aws:iam::{account}:role/{name}", "{name}"),
    "AWS::IAM::ManagedPolicy": Kind("ManagedPolicyName", "arn:aws:iam::{account}:policy/{name}", "{arn}"),
    "AWS::IAM::OIDCProvider": Kind("", "arn:aws:iam::{account}:oidc-provider/{id}", "{arn}"),
    "AWS::ECR::Repository": Kind("RepositoryName", f"arn:aws:ecr:{_HERE}:repository/{{name}}", "{name}"),
    "AWS::EKS::Cluster": Kind("Name", f"arn:aws:eks:{_HERE}:cluster/{{name}}", "{name}"),
    "AWS::CodeBuild::Project": Kind("Name", f"arn:aws:codebuild:{_HERE}:project/{{name}}", "{name}"),
    "AWS::CodeCommit::Repository": Kind("RepositoryName", f"arn:aws:codecommit:{_HERE}:{{name}}", "{name}"),
    "AWS::CodePipeline::Pipeline": Kind("Name", f"arn:aws:codepipeline:{_HERE}:{{name}}", "{name}"),
    "AWS::CodeDeploy::Application": Kind(
        "ApplicationName", f"arn:aws:codedeploy:{_HERE}:application:{{name}}", "{name}"
    ),
    "AWS::Logs::LogGroup": Kind("LogGroupName", f"arn:aws:logs:{_HERE}:log-group:{{name}}:*", "{name}"),
}
