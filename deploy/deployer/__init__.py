"""
What CodeDeploy's hooks do: verify, rehearse, apply and validate one release, and put the last good one back.

Standard library only, Python 3.9 or newer: this runs on the deployer, where nothing is installed but kubectl, openssl
and the AWS CLI.
"""
