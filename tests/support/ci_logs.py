"""What real tools print when a CI job ends badly: the logs of the scenarios, each as its tool writes it, with hosts of nobody."""

from __future__ import annotations

EXIT_1 = "##[error]Process completed with exit code 1.\n"
GREEN = "Run make test\nall good\n"
COMPILER = "src/main.c:7:5: error: expected ';' before 'return'\nmake: *** [Makefile:3: main.o] Error 1\n" + EXIT_1
PYTEST = (
    "=================================== FAILURES ===================================\n"
    "E       assert 3 == 4\n\ntests/test_cart.py:7: AssertionError\n"
    "=========================== short test summary info ============================\n"
    "FAILED tests/test_cart.py::test_total - assert 3 == 4\n"
    "========================= 1 failed, 2 passed in 0.04s ==========================\n" + EXIT_1
)
LOGIN_REFUSED = "remote: HTTP Basic: Access denied\nfatal: Authentication failed for 'https://git.example/acme/api.git/'\n" + EXIT_1
KEY_REFUSED = "git@git.example: Permission denied (publickey).\nfatal: Could not read from remote repository.\n" + EXIT_1
REGISTRY_REFUSED = "denied: requested access to the resource is denied\nunauthorized: authentication required\n" + EXIT_1
FILE_REFUSED = "mkdir: cannot create directory '/opt/tool': Permission denied\n" + EXIT_1
READ_ONLY = "cp: cannot create regular file '/var/lib/app/state': Read-only file system\n" + EXIT_1
CANCELLED = "##[error]The operation was canceled.\n"
NO_SUCH_PACKAGE = (
    "ERROR: Could not find a version that satisfies the requirement sixx==9.9 (from versions: none)\n"
    "ERROR: No matching distribution found for sixx==9.9\n" + EXIT_1
)
INDEX_NOT_ASKED = (
    "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by "
    "'ReadTimeoutError(\"HTTPSConnectionPool(host='index.example', port=443): Read timed out. (read timeout=15)\")': /simple/six/\n"
    "ERROR: Could not find a version that satisfies the requirement six==1.17.0 (from versions: none)\n"
    "ERROR: No matching distribution found for six==1.17.0\n" + EXIT_1
)
APT_IN_MID_SYNC = (
    "Err:5 http://mirror.example/debian bookworm/main amd64 Packages\n"
    "  File has unexpected size (8787344 != 8787232). Mirror sync in progress? [IP: 192.0.2.7 80]\n"
    "E: Failed to fetch http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz  Hash Sum mismatch\n"
    "E: Some index files failed to download. They have been ignored, or old ones used instead.\n" + EXIT_1
)
GIT_HUNG_UP = (
    "Cloning into 'api'...\nerror: RPC failed; curl 18 transfer closed with outstanding read data remaining\n"
    "fetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF\n"
    "fatal: the remote end hung up unexpectedly\n" + EXIT_1
)
OUT_OF_TIME = "Run make test\n##[error]The action 'Run make test' has timed out after 30 minutes.\n"
RUNNER_LOST = (
    "Run make test\n##[error]The runner has received a shutdown signal. This can happen when the runner service is stopped, "
    "or a manually started runner is canceled.\n"
)
RATE_LIMITED = "npm error code E429\nnpm error 429 Too Many Requests - GET https://index.example/lodash\n" + EXIT_1
PUSH_RACE = (
    "To https://git.example/acme/api.git\n ! [rejected]        main -> main (fetch first)\n"
    "error: failed to push some refs to 'https://git.example/acme/api.git'\n"
    "hint: Updates were rejected because the remote contains work that you do not\n"
    "hint: have locally. This is usually caused by another repository pushing to\n"
    "hint: the same ref.\n" + EXIT_1
)
NAME_NOT_RESOLVED = (
    "Cloning into 'api'...\nfatal: unable to access 'https://git.example/acme/api.git/': Could not resolve host: git.example\n" + EXIT_1
)
