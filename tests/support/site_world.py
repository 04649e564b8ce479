"""The page with people, keys and a read model of its own; what is said on it goes into the read model as over the topic."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from console.home import Home
from console.init import init
from console.keys import ensure_key
from console.site.accounts import set_password
from console.site.app import site_app
from console.site.place import Site, SiteSettings
from console.site.sessions import Limits
from console.site.store import TOPICS, take
from console.site.tables import connect
from console.system_paths import shipped_patterns
from schemas.errors import UnreachableError
from schemas.ids import Record
from schemas.oversight import AuditRecord, Control
from schemas.people import Role
from schemas.signing import public_text
from schemas.topics import TOPIC_OF
from tests.support.many_incidents import Tape

PASSWORD = "correct horse battery"
# As cheap as it goes: how costly a hash is is not what these tests are about.
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = (("ada", Role.ADMIN), ("bob", Role.APPROVER), ("olga", Role.OPERATOR), ("vic", Role.VIEWER))


@dataclass
class SiteWorld:
    """One copy below a folder; ``moment`` is the clock, ``said`` what was said on ``heal.control`` in its order, ``words`` all else."""

    folder: Path
    moment: datetime
    settings: SiteSettings = SiteSettings()
    said: list[Control] = field(default_factory=list)
    words: list[Record] = field(default_factory=list)
    reachable: bool = True
    shipped: Path = field(default_factory=shipped_patterns)
    tape: Tape = field(default_factory=Tape)
    numbers: count[int] = field(default_factory=count)
    chain: list[AuditRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the folders, the people with their keys, and a password for each."""
        init(self.home, "ada")
        rows = "".join(self._person(name, role) for name, role in PEOPLE)
        (self.home.config / "people.yaml").write_text(f"people:\n{rows}", encoding="utf-8")
        for name, _ in PEOPLE:
            set_password(self.site().accounts_path, name, PASSWORD, HASHER)

    def _person(self, name: str, role: Role) -> str:
        key = public_text(ensure_key(self.home.people / f"{name}.key"))
        return f"  - name: {name}\n    roles: [{role}]\n    public_key: {key}\n"

    @property
    def home(self) -> Home:
        """The copy's folders."""
        return Home("test", self.folder / "state", self.folder / "config")

    def site(self) -> Site:
        """Return the page's surroundings."""
        ready: list[dict[str, object]] = [{"name": "detect", "ready": True, "lag": 3}, {"name": "executor-1", "ready": False, "lag": 0}]
        return Site(
            self.home,
            self.say,
            lambda: self.moment,
            self._secret,
            lambda: ready,
            self.settings,
            HASHER,
            chain=lambda: self.chain,
            shipped=self.shipped,
        )

    def _secret(self) -> str:
        return f"secret-{next(self.numbers)}"

    def say(self, word: Record) -> None:
        """Take a person's word, and put it where its topic would."""
        if not self.reachable:
            raise UnreachableError("broker", "it does not answer", "Start it with `healstream up`")
        if isinstance(word, Control):
            self.said.append(word)
        else:
            self.words.append(word)
        if TOPIC_OF[type(word)] in TOPICS:
            self.tell(word)

    def tell(self, *records: Record) -> None:
        """Put records into the read model."""
        base = connect(self.site().base_path)
        take(base, self.tape.messages(list(records)))
        base.close()

    def later(self, span: timedelta) -> None:
        """Move the clock on."""
        self.moment += span

    def allow(self, limits: Limits) -> None:
        """Set limits."""
        self.settings = replace(self.settings, limits=limits)

    def browser(self) -> Browser:
        """Return a client with nobody logged in."""
        return Browser(TestClient(site_app(self.site()), base_url="http://127.0.0.1:8080", follow_redirects=False))


def few_patterns(folder: Path) -> Path:
    """Return a folder with one family of the shipped patterns: all of them take seconds to check, to compile and to try."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "disk_memory_kernel.json"
    (folder / name).write_text((shipped_patterns() / name).read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@dataclass
class Browser:
    """One client and what the page told it."""

    client: TestClient
    csrf: str = ""

    def log_in(self, name: str) -> Browser:
        """Log in, and remember the session's token as the page shows it."""
        answer = self.client.post("/login", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        self.csrf = self.client.get("/").text.split('name="csrf" content="')[1].split('"')[0]
        return self

    def post(self, path: str, word: dict[str, object]) -> tuple[int, dict[str, object]]:
        """Send a change with the token, and return the status and what was answered."""
        answer = self.client.post(path, json=word, headers={"x-csrf-token": self.csrf})
        return answer.status_code, answer.json()

    def get(self, path: str) -> dict[str, object]:
        """Return what a look answers."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert isinstance(found, dict)
        return found
