"""A real Kubernetes control plane on loopback for tests, built by ``make test-kubernetes``: API, controllers, scheduler, played nodes.

Every process is ours, on free ports, in a folder of its own, and ends with the test.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lightkube import Client, KubeConfig
from lightkube.models.authentication_v1 import TokenRequestSpec
from lightkube.models.authorization_v1 import ResourceAttributes, SelfSubjectAccessReviewSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.authorization_v1 import SelfSubjectAccessReview
from lightkube.resources.core_v1 import ServiceAccountToken

from infra.adapters.cluster import client_of
from infra.broker.server import free_ports

HERE = Path(__file__).parents[1] / "kubernetes"
NOT_RUN = "NOT RUN: no Kubernetes build cache; make test-kubernetes"
READY_S = 180.0
# Who asks is told by the token; the roles of the manifests are bound to these.
TOKENS = {"admin": "system:masters", "healstream-executor": "executors", "healstream-prober": "probers", "stranger": "strangers"}


def build_cache() -> Path:
    """Return where the programs are, in the newest version that was built; without any the test is skipped, in CI too."""
    named = os.environ.get("HEALSTREAM_KUBERNETES", "")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "healstream" / "kubernetes"
    built = [Path(named)] if named else sorted(cache.glob("v*"))
    found = next((folder for folder in reversed(built) if (folder / "complete").is_file()), None)
    if found is None:
        pytest.skip(NOT_RUN)
    return found


@dataclass(frozen=True)
class Kubernetes:
    """A control plane that runs; ``user`` is one of ``TOKENS``."""

    port: int
    folder: Path

    def config(self, user: str) -> KubeConfig:
        """Return how that user asks the API."""
        return KubeConfig.from_dict(self.config_document(user), fname=str(self.folder / "kubeconfig"))

    def config_document(self, user: str) -> dict[str, object]:
        """Return the same as the file that programs read."""
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": str(self.certificate)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": cluster}],
            "users": [{"name": "here", "user": {"token": _token(user)}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        }

    def client(self, user: str = "admin") -> Client:
        """Return a client of that user."""
        return client_of(self.config(user))

    def mount_account(self, namespace: str, name: str) -> Path:
        """Return a folder with what a pod under that account finds mounted."""
        with self.client() as admin:
            asked = ServiceAccountToken(spec=TokenRequestSpec(audiences=[]), metadata=ObjectMeta())
            given = admin.create(asked, name, namespace=namespace).status
        assert given
        assert given.token
        mounted = self.folder / "accounts" / name
        mounted.mkdir(parents=True, exist_ok=True)
        contents = {"token": given.token, "namespace": namespace, "ca.crt": self.certificate.read_text(encoding="utf-8")}
        for file, text in contents.items():
            (mounted / file).write_text(text, encoding="utf-8")
        return mounted

    @property
    def certificate(self) -> Path:
        """Return by what clients know the API."""
        return self.folder / "certs" / "apiserver.crt"


def may(client: Client, verb: str, resource: str, namespace: str = "", name: str = "") -> bool:
    """Ask the API whether the client's user may do this; ``resource`` is ``group/resource[/sub]``, the group empty for the core."""
    group, _, rest = resource.partition("/")
    kind, _, sub = rest.partition("/")
    asked = ResourceAttributes(group=group, resource=kind, subresource=sub, verb=verb, namespace=namespace or None, name=name or None)
    said = client.create(SelfSubjectAccessReview(spec=SelfSubjectAccessReviewSpec(resourceAttributes=asked))).status
    return bool(said and said.allowed)


@contextmanager
def kubernetes(folder: Path) -> Iterator[Kubernetes]:
    """Run a control plane in a folder; yield it once its API and its controllers answer."""
    programs = build_cache()
    etcd, peer, port = free_ports(3)
    running = Kubernetes(port, folder)
    _write_files(running, programs)
    config = str(folder / "kubeconfig")
    with ExitStack() as stack:
        stack.enter_context(_process(programs / "etcd", _etcd_words(folder, etcd, peer), folder))
        stack.enter_context(_process(programs / "kube-apiserver", _api_words(folder, etcd, port), folder))
        _wait_for_api(running)
        controllers = "deployment-controller,replicaset-controller,daemonset-controller,disruption-controller,garbage-collector-controller"
        words = [f"--kubeconfig={config}", "--leader-elect=false", "--secure-port=0"]
        stack.enter_context(_process(programs / "kube-controller-manager", [*words, f"--controllers={controllers}"], folder))
        stack.enter_context(_process(programs / "kube-scheduler", words, folder))
        played = [f"--kubeconfig={config}", "--manage-all-nodes", f"--config={folder / 'stages.yaml'}", "--node-lease-duration-seconds=40"]
        stack.enter_context(_process(programs / "kwok", played, folder))
        yield running


def _write_files(running: Kubernetes, programs: Path) -> None:
    folder = running.folder
    (folder / "certs").mkdir(parents=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (folder / "accounts.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    lines = [f'{_token(user)},{user},{user},"{group}"\n' for user, group in TOKENS.items()]
    (folder / "tokens.csv").write_text("".join(lines), encoding="utf-8")
    # A JSON document is a YAML document.
    (folder / "kubeconfig").write_text(json.dumps(running.config_document("admin")), encoding="utf-8")
    stages = [path.read_text(encoding="utf-8") for path in (HERE / "stages.yaml", programs / "stages.yaml")]
    (folder / "stages.yaml").write_text("".join(stages), encoding="utf-8")


def _etcd_words(folder: Path, port: int, peer: int) -> list[str]:
    here, there = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    words = [f"--data-dir={folder / 'etcd'}", f"--listen-client-urls={here}", f"--advertise-client-urls={here}"]
    return [*words, f"--listen-peer-urls={there}", f"--initial-advertise-peer-urls={there}", f"--initial-cluster=default={there}"]


def _api_words(folder: Path, etcd: int, port: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certs'}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={folder / 'tokens.csv'}",
        # Pods of a cluster without kubelets need no tokens of their own.
        # New nodes take pods at once.
        "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
        "--service-account-issuer=https://kubernetes.example",
        f"--service-account-key-file={folder / 'accounts.key'}",
        f"--service-account-signing-key-file={folder / 'accounts.key'}",
        "--service-cluster-ip-range=10.0.0.0/24",
    ]


@contextmanager
def _process(program: Path, words: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / f"{program.name}.log").open("wb") as log:
        process = subprocess.Popen([str(program), *words], stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _wait_for_api(running: Kubernetes) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            # The API makes its own roles after it begins to answer: till then nobody but an administrator may even ask.
            with running.client("stranger") as client:
                if not may(client, "get", "/pods"):
                    return
        except (httpx2.HTTPError, OSError, ValueError):
            time.sleep(0.2)
    log = running.folder / "kube-apiserver.log"
    raise AssertionError(log.read_text(encoding="utf-8", errors="replace")[-3000:])


def _token(user: str) -> str:
    return f"the-token-of-{user}"
