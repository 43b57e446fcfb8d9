"""Small stand-ins for the framework that an adopter's workflows use, and a repository to adopt."""

from trainshed.adoption_workflows import Fetching, Framework

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
NOTHING = Fetching()
CREDENTIALS = Fetching(environment="data", secrets=("AWS_ACCESS_KEY_ID", "AWS_SECRET"))

PULL_REQUEST = f"""\
# A pull request is an experiment.
name: Pull request

on:
  pull_request:

jobs:
  experiment:
    runs-on: ubuntu-latest
    # init: data environment
    steps:
      - name: Check out the merge result
        uses: {CHECKOUT}
        with:
          persist-credentials: false

      - uses: ./actions/setup

      - name: Compare
        uses: ./actions/compare # trains both
        # init: fetch secrets
        with:
          model: churn

      - name: Tell
        with:
          token: ${{{{ github.token }}}}
        uses: ./actions/comment
"""
RELEASE = """\
on:
  push:
    branches: [main]

jobs:
  train:
    # init: data environment
    steps:
      - name: Train
        uses: ./actions/train
        # init: fetch secrets
        with:
          model: churn

  deploy:
    uses: ./.github/workflows/deploy.yml
    with:
      forward: true
"""


def framework(**changes: object) -> Framework:
    known: dict[str, object] = {
        "repository": "acme/trainshed",
        "commit": COMMIT,
        "version": "v1.2.0",
        "workflows": {"pull-request.yml": PULL_REQUEST, "release.yml": RELEASE},
        "takes_folder": frozenset({"setup", "compare", "train", "comment"}),
    }
    return Framework(**{**known, **changes})  # type: ignore[arg-type]
