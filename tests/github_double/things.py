"""What a repository holds: pull requests, comments, releases and so on, as plain data."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

ACTIONS = "github-actions[bot]"
"""Who GITHUB_TOKEN is."""


@dataclass
class Token:
    """Who asks and what they may; `permissions` None: all that there is."""

    value: str
    login: str = ACTIONS
    is_installation: bool = True
    """Of a GitHub app, as GITHUB_TOKEN is; else a person's own."""
    permissions: dict[str, str] | None = None
    """`{"issues": "write"}`, in the words of a workflow (`pull-requests`) or of the API."""
    is_revoked: bool = False

    def allows(self, permission: str, level: str) -> bool:
        if self.permissions is None or permission == "metadata":
            return True
        given = {name.replace("-", "_"): one for name, one in self.permissions.items()}
        levels = {"none": 0, "read": 1, "write": 2}
        return levels[given.get(permission, "none")] >= levels[level]


@dataclass
class Pull:
    number: int
    head_repository: str
    """owner/name; another one than ours for a pull request from a fork."""
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    author: str
    title: str
    created_at: str
    state: str = "open"
    merge_commit_sha: str | None = None
    """Of `refs/pull/N/merge` while it is open, later what it was merged as."""
    merged_at: str | None = None
    is_draft: bool = False


@dataclass
class Comment:
    id: int
    number: int
    """Of the issue or pull request."""
    body: str
    author: str
    created_at: str
    updated_at: str


@dataclass
class Issue:
    number: int
    title: str
    body: str
    author: str
    created_at: str
    updated_at: str
    state: str = "open"
    labels: list[str] = field(default_factory=list)


@dataclass
class Status:
    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: str


@dataclass
class Asset:
    id: int
    name: str
    label: str | None
    content_type: str
    content: bytes
    uploader: str
    created_at: str
    downloads: int = 0

    @property
    def digest(self) -> str:
        return "sha256:" + hashlib.sha256(self.content).hexdigest()


@dataclass
class Release:
    id: int
    tag_name: str
    target: str
    name: str | None
    body: str | None
    author: str
    created_at: str
    is_draft: bool = False
    is_prerelease: bool = False
    is_immutable: bool = False
    published_at: str | None = None
    assets: list[Asset] = field(default_factory=list)


@dataclass
class DeploymentStatus:
    id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    creator: str
    created_at: str


@dataclass
class Deployment:
    id: int
    sha: str
    ref: str
    task: str
    payload: Any
    environment: str
    description: str | None
    creator: str
    created_at: str
    is_transient: bool
    is_production: bool
    statuses: list[DeploymentStatus] = field(default_factory=list)
    """Oldest first."""

    @property
    def state(self) -> str | None:
        return self.statuses[-1].state if self.statuses else None


@dataclass
class Environment:
    id: int
    name: str
    created_at: str
    reviewers: list[str] = field(default_factory=list)
    prevents_self_review: bool = False
    wait_minutes: int = 0
    protected_branches_only: bool = False
    branch_policies: list[tuple[str, str]] | None = None
    """Patterns that may deploy, as (pattern, "branch" or "tag"); None: no policy of its own."""
    may_admins_bypass: bool = True


@dataclass
class Ruleset:
    id: int
    name: str
    created_at: str
    target: str = "branch"
    enforcement: str = "active"
    include: list[str] = field(default_factory=lambda: ["~ALL"])
    """`~ALL`, `~DEFAULT_BRANCH`, or a pattern such as `refs/tags/*`."""
    exclude: list[str] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    """`{"type": "deletion"}`, with `parameters` where the kind has some."""
    bypass_actors: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Artifact:
    id: int
    name: str
    content: bytes
    """The archive, as a download brings it."""
    created_at: str
    is_expired: bool = False


@dataclass
class Run:
    id: int
    workflow_id: int
    name: str
    event: str
    head_branch: str | None
    head_sha: str
    head_repository: str
    created_at: str
    status: str = "completed"
    conclusion: str | None = "success"
    attempt: int = 1
    pulls: list[int] = field(default_factory=list)
    """Numbers; empty for a pull request from a fork, as at GitHub."""
    artifacts: list[Artifact] = field(default_factory=list)


@dataclass
class Workflow:
    id: int
    name: str
    path: str
    created_at: str
    state: str = "active"


@dataclass
class Dispatch:
    """One `workflow_dispatch` that was asked for. Nothing runs: tests look at it."""

    workflow: str
    ref: str
    inputs: dict[str, Any]


@dataclass
class PackageVersion:
    id: int
    digest: str
    tags: list[str]
    created_at: str


@dataclass
class Settings:
    """Those of a repository that a person sets on its pages."""

    are_actions_enabled: bool = True
    allowed_actions: str = "all"
    are_actions_pinned: bool = False
    """"Require actions to be pinned to a full-length commit SHA"."""
    allowed_patterns: list[str] = field(default_factory=list)
    default_permissions: str = "read"
    may_actions_approve: bool = False
    """"Allow GitHub Actions to create and approve pull requests"."""
    fork_approval: str = "first_time_contributors"
    do_forks_run_workflows: bool = False
    """Only for a private repository, as the three after it."""
    do_forks_get_write_tokens: bool = False
    do_forks_get_secrets: bool = False
    do_forks_need_approval: bool = False
    retention_days: int = 90
    are_releases_immutable: bool = False
    is_immutability_enforced: bool = False
