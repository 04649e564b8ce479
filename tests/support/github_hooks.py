"""GitHub's webhook documents, as short as they can be and still say everything that is read."""

from __future__ import annotations

REPOSITORY = {"id": 10, "full_name": "acme/shop", "default_branch": "main"}
SENDER = {"login": "ada"}


def workflow_job(action: str = "completed", conclusion: str | None = "failure", **more: object) -> dict[str, object]:
    """Return a job's event."""
    job = {
        "id": 70,
        "run_id": 7,
        "run_attempt": 2,
        "workflow_name": "ci",
        "head_branch": "main",
        "head_sha": "c" * 40,
        "status": action,
        "conclusion": conclusion,
        "started_at": "2026-03-04T05:00:00Z",
        "completed_at": "2026-03-04T05:05:00Z",
        "name": "build",
        "labels": ["ubuntu-latest"],
        "runner_name": "runner-7",
        "html_url": "https://github.example/acme/shop/actions/runs/7/job/70",
        "steps": [
            {"name": "Set up", "number": 1, "status": "completed", "conclusion": "success"},
            {"name": "Test", "number": 2, "status": "completed", "conclusion": "failure"},
        ],
        **more,
    }
    return {"action": action, "workflow_job": job, "repository": REPOSITORY, "sender": SENDER}


def workflow_run(action: str = "completed", head: int | None = 10, event: str = "push", **more: object) -> dict[str, object]:
    """Return a run's event; ``head`` is the id of the repository whose code it runs."""
    run = {
        "id": 7,
        "name": "ci",
        "run_attempt": 2,
        "event": event,
        "head_branch": "main",
        "head_sha": "c" * 40,
        "conclusion": "failure" if action == "completed" else None,
        "run_started_at": "2026-03-04T05:00:00Z",
        "updated_at": "2026-03-04T05:05:30Z",
        "html_url": "https://github.example/acme/shop/actions/runs/7",
        "head_repository": None if head is None else {"id": head},
        **more,
    }
    return {"action": action, "workflow_run": run, "repository": REPOSITORY, "sender": SENDER}


def check_run(slug: str = "linter", pulls: tuple[tuple[int, int], ...] = (), conclusion: str = "failure") -> dict[str, object]:
    """Return another app's check; ``pulls`` are the head's and the base's repository of its pull requests."""
    rows = [{"head": {"repo": {"id": head}}, "base": {"repo": {"id": base}}} for head, base in pulls]
    check = {
        "id": 99,
        "name": "lint",
        "status": "completed",
        "conclusion": conclusion,
        "head_sha": "c" * 40,
        "started_at": "2026-03-04T05:00:00Z",
        "completed_at": "2026-03-04T05:05:00Z",
        "app": {"slug": slug, "name": "Linter"},
        "pull_requests": rows,
        "check_suite": {"head_branch": "topic", "pull_requests": rows},
    }
    return {"action": "completed", "check_run": check, "repository": REPOSITORY, "sender": SENDER}


def deployment_status(state: str = "failure", by_workflow: bool = False) -> dict[str, object]:
    """Return how a deployment fares."""
    status = {"state": state, "environment": "production", "created_at": "2026-03-04T05:05:00Z", "target_url": ""}
    deployment = {"id": 55, "task": "deploy", "sha": "c" * 40, "ref": "main", "created_at": "2026-03-04T05:00:00Z"}
    run = {"workflow_run": {"id": 7}} if by_workflow else {}
    return {"action": "created", "deployment_status": status, "deployment": deployment, "repository": REPOSITORY, "sender": SENDER, **run}
