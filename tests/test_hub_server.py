"""The loopback Hub, driven by huggingface_hub and datasets as they are."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.hub_client import run_client
from tests.hub_server import HubServer
from tests.hub_state import git_sha1

BIG = bytes(range(256)) * 1800  # 460,800 bytes: three parts of at most 200,000
PRELUDE = """
import json, os
from huggingface_hub import CommitOperationAdd, DatasetCard, HfApi, create_repo, hf_hub_download, move_repo
from huggingface_hub import snapshot_download, whoami
api = HfApi()
def raised(act, *values, **named):
    try:
        act(*values, **named)
    except Exception as error:
        answer = getattr(error, "response", None)
        return [type(error).__name__, answer.status_code if answer is not None else None]
    return None
def tell(**told):
    print("TOLD" + json.dumps(told))
"""


def told_by(hub: HubServer, home: Path, code: str, token: str) -> dict[str, Any]:
    """What the code, run in a process of its own, hands to `tell`."""
    done = run_client(hub, home, f"{PRELUDE}\n{code}", token)
    told: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        told |= json.loads(line[4:]) if line.startswith("TOLD") else {}
    return told


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    root = tmp_path_factory.mktemp("hub")
    with HubServer(root, multipart_over=300_000, part_bytes=200_000) as hub:
        yield hub


@pytest.fixture(scope="module")
def ada(running: HubServer) -> str:
    return running.add_user("ada", orgs={"lab": "write"})


@pytest.fixture(scope="module")
def bob(running: HubServer) -> str:
    return running.add_user("bob")


@pytest.fixture
def hub(running: HubServer, ada: str, bob: str) -> HubServer:
    running.clear_requests()
    running.clear_faults()
    return running


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, verify=False, timeout=60.0) as client:
        yield client


def test_files_of_every_size_go_up_and_come_back(hub: HubServer, ada: str, tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(BIG)
    code = f"""
big = {str(tmp_path / "big.bin")!r}
def push():
    return api.create_commit("ada/net", [
        CommitOperationAdd("config.json", b"{{}}"), CommitOperationAdd("a/model.safetensors", b"weights" * 99),
        CommitOperationAdd("big.bin", big), CommitOperationAdd("README.md", b"---\\nlicense: mit\\n---\\n# Net\\n"),
    ], commit_message="First")
url = create_repo("ada/net")
first, again = push(), push()
folder = snapshot_download("ada/net")
listed = {{f.path: [f.blob_id, f.lfs and f.lfs.sha256] for f in api.list_repo_tree("ada/net", recursive=True)
          if hasattr(f, "blob_id")}}
found = {{name: open(os.path.join(folder, name), "rb").read().hex() for name in listed}}
one = open(hf_hub_download("ada/net", "big.bin", revision=first.oid), "rb").read() == open(big, "rb").read()
info = api.model_info("ada/net", files_metadata=True)
checked = api.verify_repo_checksums("ada/net")
tell(url=url, first=first.oid, again=again.oid, found=found, listed=listed, one=one, sha=info.sha, tags=info.tags,
     wrong=[str(m) for m in checked.mismatches], exist=create_repo("ada/net", exist_ok=True))
"""
    told = told_by(hub, tmp_path / "home", code, ada)

    assert told["url"] == told["exist"] == f"{hub.url}/ada/net"
    content = hub.files("model", "ada/net")
    assert content["big.bin"] == BIG
    assert {name: bytes.fromhex(text) for name, text in told["found"].items()} == content
    assert told["one"]
    assert told["wrong"] == []
    assert told["sha"] == told["first"] == hub.head("models", "ada/net")
    assert told["tags"] == ["license:mit"]
    # ids are those of git and of LFS
    assert told["listed"]["config.json"] == [git_sha1(b"{}"), None]
    assert told["listed"]["big.bin"][1] == hashlib.sha256(BIG).hexdigest()
    assert hub.lfs_files("model", "ada/net") == {"big.bin", "a/model.safetensors"}
    assert sum(each.method == "PUT" and ".bin" not in each.path for each in hub.requests) == 4
    # the second push found everything in place
    assert told["again"] == told["first"]
    assert hub.commits("model", "ada/net") == ["First", "initial commit"]
    # tokens go to the hub and nowhere else
    storage = [each for each in hub.requests if each.origin == "storage"]
    assert {each.method for each in storage} == {"PUT", "GET"}
    assert {each.token for each in storage} == {None}
    assert ada in {each.token for each in hub.requests}


def test_what_is_refused_raises_the_clients_own_errors(hub: HubServer, ada: str, tmp_path: Path) -> None:
    hub.create_repo("model", "bob/private", private=True)
    hub.create_repo("model", "bob/gated", gated=True)
    hub.create_repo("model", "bob/public")
    hub.create_repo("model", "ada/errors")
    reader = hub.add_token("ada", role="read")
    code = f"""
get, commit, file = hf_hub_download, api.create_commit, ".gitattributes"
add = [CommitOperationAdd("a.txt", b"a")]
broken = [CommitOperationAdd("README.md", b"---\\ntags: [a\\n---\\n")]
large = CommitOperationAdd("x.bin", b"never sent"); large._upload_mode = "lfs"; large._is_uploaded = True
large._should_ignore = False
tell(
    private=raised(get, "bob/private", file), private_anonymous=raised(get, "bob/private", file, token=False),
    missing=raised(get, "bob/none", file), missing_info=raised(api.model_info, "bob/none"),
    gated=raised(get, "bob/gated", file), gated_anonymous=raised(get, "bob/gated", file, token=False),
    auth_check=raised(api.auth_check, "bob/gated"), public_anonymous=raised(get, "bob/public", file, token=False),
    revision=raised(get, "ada/errors", file, revision="v9"), entry=raised(get, "ada/errors", "none.txt"),
    bad_token=raised(whoami, token="hf_wrong"), listed=sorted(m.id for m in api.list_models(author="bob")),
    foreign=raised(commit, "bob/public", add, commit_message="m"),
    foreign_name=raised(create_repo, "bob/mine"),
    reader=raised(commit, "ada/errors", add, commit_message="m", token={reader!r}),
    parent=raised(commit, "ada/errors", add, commit_message="m", parent_commit="0" * 40),
    deletion=raised(api.delete_file, "none.txt", "ada/errors"),
    yaml=raised(commit, "ada/errors", broken, commit_message="m"),
    unknown_lfs=raised(commit, "ada/errors", [large], commit_message="m"),
    twice=raised(create_repo, "ada/errors"),
)
"""
    told = told_by(hub, tmp_path, code, ada)

    assert told == {
        "private": ["RepositoryNotFoundError", 404],
        "private_anonymous": ["RepositoryNotFoundError", 401],
        "missing": ["RepositoryNotFoundError", 404],
        "missing_info": ["RepositoryNotFoundError", 404],
        "gated": ["GatedRepoError", 403],
        "gated_anonymous": ["GatedRepoError", 401],
        "auth_check": ["GatedRepoError", 403],
        "public_anonymous": None,
        "revision": ["RevisionNotFoundError", 404],
        "entry": ["RemoteEntryNotFoundError", 404],
        "bad_token": ["HfHubHTTPError", 401],
        "listed": ["bob/gated", "bob/public"],
        "foreign": ["HfHubHTTPError", 403],
        "foreign_name": ["HfHubHTTPError", 403],
        "reader": ["HfHubHTTPError", 403],
        "parent": ["HfHubHTTPError", 412],
        "deletion": ["RemoteEntryNotFoundError", 404],
        "yaml": ["ValueError", None],
        "unknown_lfs": ["BadRequestError", 400],
        "twice": ["HfHubHTTPError", 409],
    }
    assert hub.commits("model", "ada/errors") == ["initial commit"]


def test_branches_tags_and_pull_requests(hub: HubServer, bob: str, tmp_path: Path) -> None:
    hub.create_repo("dataset", "ada/set")
    first = hub.put_commit("dataset", "ada/set", {"a.csv": b"1\n", "b.csv": b"2\n"})
    ada = hub.add_token("ada")
    code = f"""
repo, ada = dict(repo_id="ada/set", repo_type="dataset"), {ada!r}
api.create_branch(**repo, branch="try/one", token=ada)
api.create_tag(**repo, tag="v1.0", token=ada)
def put(content, path, **more):
    return api.upload_file(path_or_fileobj=content, path_in_repo=path, **repo, **more)
pull = put(b"1\\n2\\n", "a.csv", create_pr=True, commit_message="Add a row", commit_description="Why")
put(b"more", "c.bin", revision="refs/pr/1")
other = put(b"9\\n", "a.csv", create_pr=True, commit_message="Clash")
def text(path, revision):
    return open(hf_hub_download("ada/set", path, repo_type="dataset", revision=revision)).read()
seen = [text("a.csv", "refs/pr/1"), text("c.bin", "refs/pr/1"), text("a.csv", "v1.0"), text("a.csv", "try/one")]
api.comment_discussion(**repo, discussion_num=1, comment="Fine", token=ada)
api.rename_discussion(**repo, discussion_num=1, new_title="One row more")
foreign = raised(api.merge_pull_request, **repo, discussion_num=1)
api.merge_pull_request(**repo, discussion_num=1, token=ada)
clash = raised(api.merge_pull_request, **repo, discussion_num=2, token=ada)
api.change_discussion_status(**repo, discussion_num=2, new_status="closed")
one, two = (api.get_discussion_details(**repo, discussion_num=n) for n in (1, 2))
refs = api.list_repo_refs(**repo, include_pull_requests=True)
api.delete_tag(**repo, tag="v1.0", token=ada)
api.delete_branch(**repo, branch="try/one", token=ada)
after = api.list_repo_refs(**repo)
tell(url=pull.pr_url, revision=pull.pr_revision, seen=seen, foreign=foreign, clash=clash,
     one=[one.title, one.status, one.author, one.merge_commit_oid, [e.type for e in one.events]], diff=one.diff,
     two=[two.status, two.conflicting_files], last=text("a.csv", "main"),
     talks=[d.num for d in api.get_repo_discussions(**repo)],
     refs=sorted(r.ref for r in refs.branches + refs.tags + refs.pull_requests),
     after=[r.ref for r in after.branches + after.tags])
"""
    told = told_by(hub, tmp_path, code, bob)

    assert told["url"] == f"{hub.url}/datasets/ada/set/discussions/1"
    assert told["revision"] == "refs/pr/1"
    assert told["seen"] == ["1\n2\n", "more", "1\n", "1\n"]
    assert told["foreign"] == ["HfHubHTTPError", 403]
    assert told["clash"] == ["HfHubHTTPError", 409]
    events = ["comment", "commit", "commit", "comment", "title-change", "status-change"]
    assert told["one"] == ["One row more", "merged", "bob", hub.head("dataset", "ada/set"), events]
    assert "diff --git a/a.csv b/a.csv\n--- a/a.csv\n+++ b/a.csv\n@@ -1 +1,2 @@\n 1\n+2\n" in told["diff"]
    assert told["two"] == ["closed", ["a.csv"]]
    assert told["last"] == "1\n2\n"
    assert told["talks"] == [2, 1]
    pulls = ["refs/heads/main", "refs/heads/try/one", "refs/pr/1", "refs/pr/2", "refs/tags/v1.0"]
    assert told["refs"] == pulls
    assert told["after"] == ["refs/heads/main"]
    assert hub.files("dataset", "ada/set", "refs/pr/1")["b.csv"] == b"2\n"
    assert first in hub.state.repo("datasets", "ada/set").ancestors(hub.head("dataset", "ada/set"))


def test_faults_meet_the_client_as_they_would_on_the_way(hub: HubServer, ada: str, tmp_path: Path) -> None:
    hub.create_repo("model", "ada/faults")
    files = {name: name.encode() * 9000 for name in ("flipped.bin", "cut.bin", "busy.bin", "slow.json")}
    hub.put_commit("model", "ada/faults", files)
    sent = hashlib.sha256(b"flipped on the way up").hexdigest()
    flip = hub.fail("GET /models.*flipped.bin", "flip", at=5)
    cut = hub.fail("GET /models.*cut.bin", "cut")
    hub.fail("GET /models.*busy.bin", "status", code=429, retry_after="0")
    slow = hub.fail("GET .*slow.json", "delay", seconds=0.1)
    hub.fail("/preupload/", "drop")
    hub.fail(f"PUT .*{sent}", "flip")
    lost = hub.fail("POST .*/commit/main", "drop", after=True)
    code = """
def got(name):
    return open(hf_hub_download("ada/faults", name), "rb").read().hex()
def put(content, path):
    return raised(api.upload_file, path_or_fileobj=content, path_in_repo=path, repo_id="ada/faults")
tell(**{name: got(name) for name in ("flipped.bin", "cut.bin", "busy.bin", "slow.json")},
     refused=put(b"flipped on the way up", "up.bin"), lost=put(b"{}", "config.json"), again=put(b"{}", "config.json"))
"""
    told = told_by(hub, tmp_path, code, ada)

    flipped = bytes.fromhex(told["flipped.bin"])
    assert [at for at, (a, b) in enumerate(zip(flipped, files["flipped.bin"], strict=True)) if a != b] == [5]
    for name in ("cut.bin", "busy.bin", "slow.json"):
        assert bytes.fromhex(told[name]) == files[name]
    assert (flip.met, cut.met, slow.met, lost.met) == (1, 1, 1, 1)
    assert told["refused"] == ["RuntimeError", None]  # verify found another sha256
    assert "up.bin" not in hub.files("model", "ada/faults")
    # the answer was lost, the commit was not
    assert told["lost"] == ["RemoteProtocolError", None]
    assert told["again"] is None
    assert hub.files("model", "ada/faults")["config.json"] == b"{}"
    assert len(hub.commits("model", "ada/faults")) == 3
    statuses = [each.status for each in hub.requests if "busy.bin" in each.path and each.origin == "storage"]
    assert statuses == [429, 200]


def test_a_dataset_goes_up_and_comes_back(hub: HubServer, ada: str, tmp_path: Path) -> None:
    code = """
import datasets
rows = {"frame": [1, 2, 3], "name": ["x", "y", "z"]}
datasets.Dataset.from_dict(rows).push_to_hub("lab/frames", private=True)
card = DatasetCard.load("lab/frames"); card.data.license = "cc-by-4.0"; card.push_to_hub("lab/frames")
datasets.Dataset.from_dict(rows).push_to_hub("lab/frames", split="test")
back = datasets.load_dataset("lab/frames", split="test")
tell(same=back[:] == rows, license=DatasetCard.load("lab/frames").data.license,
     splits=datasets.get_dataset_split_names("lab/frames"))
"""
    told = told_by(hub, tmp_path, code, ada)

    assert told == {"same": True, "license": "cc-by-4.0", "splits": ["train", "test"]}
    assert hub.is_private("dataset", "lab/frames")
    assert "data/test-00000-of-00001.parquet" in hub.lfs_files("dataset", "lab/frames")


def test_repos_are_listed_page_by_page_renamed_shown_and_deleted(
    hub: HubServer, bob: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "page_size", 2)
    code = """
for name in "abcde":
    create_repo(f"bob/{name}", repo_type="space", space_sdk="gradio")
space, old, new = dict(repo_type="space"), "bob/a", "bob/renamed"
api.create_commit(old, [CommitOperationAdd(f"x/{n}/f.txt", b"") for n in range(5)], commit_message="m", **space)
api.delete_folder("x/4", old, **space)
tree = [entry.path for entry in api.list_repo_tree(old, recursive=True, expand=True, **space)]
commits = [c.title for c in api.list_repo_commits(old, **space)]
api.super_squash_history(old, **space)
api.add_space_secret(old, "HF_TOKEN", "hidden")
api.add_space_variable(old, "REPO", "ada/net")
api.update_repo_settings(old, private=True, **space)
move_repo(old, new, **space)
hf_hub_download(old, "README.md", **space)
api.delete_repo("bob/b", **space)
tell(spaces=sorted(s.id for s in api.list_spaces(author="bob")), tree=tree, commits=commits,
     squashed=len(api.list_repo_commits(new, **space)), secrets=list(api.get_space_secrets(new)),
     variables={k: v.value for k, v in api.get_space_variables(new).items()}, sdk=api.space_info(new).sdk,
     gone=raised(api.space_info, "bob/b"), private=api.space_info(old).private, me=whoami()["name"])
"""
    told = told_by(hub, tmp_path, code, bob)

    assert told["spaces"] == ["bob/c", "bob/d", "bob/e", "bob/renamed"]
    assert [path for path in told["tree"] if path.startswith("x/")] == [
        each for n in range(4) for each in (f"x/{n}", f"x/{n}/f.txt")
    ]
    assert told["commits"] == ["Delete folder x/4 with huggingface_hub", "m", "initial commit"]
    assert told["squashed"] == 1
    assert told["secrets"] == ["HF_TOKEN"]
    assert told["variables"] == {"REPO": "ada/net"}
    assert told["sdk"] == "gradio"
    assert told["gone"] == ["RepositoryNotFoundError", 404]
    assert told["private"]
    assert told["me"] == "bob"


def test_it_comes_back_at_the_same_address_with_the_same_state(tmp_path: Path, http: httpx2.Client) -> None:
    with HubServer(tmp_path) as hub:
        token, url = hub.add_user("eve"), hub.url
        hub.create_repo("model", "eve/net", private=True)
        hub.put_commit("model", "eve/net", {"w.bin": b"0123456789"})
        at, auth = f"{url}/eve/net/resolve/main/w.bin", {"Authorization": f"Bearer {token}"}
        link = http.get(at, headers=auth).headers["Location"]
        hub.stop()
        with pytest.raises(httpx2.ConnectError):
            http.get(at)
        hub.start()

        assert hub.url == url
        assert http.get(link, headers={"Range": "bytes=2-4"}).content == b"234"
        assert http.get(link, headers={"Range": "bytes=99-"}).status_code == 416
        assert http.get(link.replace("until=", "until=9")).status_code == 403
        assert http.get(at).headers["X-Error-Code"] == "RepoNotFound"

    with HubServer(tmp_path) as another:
        assert another.files("model", "eve/net")["w.bin"] == b"0123456789"


def test_of_many_commits_on_one_parent_one_wins(hub: HubServer, ada: str, http: httpx2.Client) -> None:
    hub.create_repo("model", "ada/race")
    parent, url = hub.head("model", "ada/race"), f"{hub.url}/api/models/ada/race/commit/main"

    def push(number: int) -> int:
        operations: list[dict[str, Any]] = [
            {"key": "header", "value": {"summary": str(number), "parentCommit": parent}},
            {"key": "file", "value": {"path": f"{number}.txt", "content": "eA==", "encoding": "base64"}},
        ]
        body = "\n".join(map(json.dumps, operations))
        return http.post(url, content=body, headers={"Authorization": f"Bearer {ada}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(push, range(8)))
    assert statuses == [200] + [412] * 7
    assert len(hub.commits("model", "ada/race")) == 2


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_user_signs_in_and_the_app_reaches_only_what_it_made(hub: HubServer, ada: str, http: httpx2.Client) -> None:
    given = hub.add_oauth_app("space-1", "contribute-repos")
    hub.browser_user = "ada"
    hub.create_repo("dataset", "ada/private", private=True)
    hub.create_repo("model", "ada/net-2")
    urls = http.get(f"{given['OPENID_PROVIDER_URL']}/.well-known/openid-configuration").json()
    asked = {
        "response_type": "code",
        "client_id": given["OAUTH_CLIENT_ID"],
        "redirect_uri": "http://localhost:1/login/callback",
        "scope": given["OAUTH_SCOPES"],
        "state": "s t",
        "nonce": "once",
    }
    page = http.get(urls["authorization_endpoint"], params=asked).text
    assert ">Authorize</button>" in page
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    sent_back = http.post(urls["authorization_endpoint"], data=fields | {"decision": "allow"})
    answer = parse_qs(urlsplit(sent_back.headers["Location"]).query)
    assert answer["state"] == ["s t"]
    form = {"grant_type": "authorization_code", "code": answer["code"][0], "redirect_uri": asked["redirect_uri"]}
    secret = (given["OAUTH_CLIENT_ID"], given["OAUTH_CLIENT_SECRET"])
    assert http.post(urls["token_endpoint"], data=form, auth=(secret[0], "wrong")).status_code == 401
    told = http.post(urls["token_endpoint"], data=form, auth=secret).json()
    assert http.post(urls["token_endpoint"], data=form, auth=secret).json()["error"] == "invalid_grant"

    head, claims, signature = told["id_token"].split(".")
    key = http.get(urls["jwks_uri"]).json()["keys"][0]
    n, e = (int.from_bytes(from_base64url(key[name]), "big") for name in ("n", "e"))
    opened = pow(int.from_bytes(from_base64url(signature), "big"), e, n).to_bytes((n.bit_length() + 7) // 8, "big")
    assert opened.endswith(hashlib.sha256(f"{head}.{claims}".encode()).digest())
    said = json.loads(from_base64url(claims))
    assert (said["nonce"], said["aud"], said["iss"]) == ("once", "space-1", hub.url)
    assert said["preferred_username"] == "ada"

    auth = {"Authorization": f"Bearer {told['access_token']}"}
    assert http.get(urls["userinfo_endpoint"], headers=auth).json()["sub"] == said["sub"]
    assert http.get(f"{hub.url}/api/datasets/ada/private", headers=auth).status_code == 404
    new = {"name": "shared", "organization": "ada", "type": "dataset", "visibility": "private"}
    assert http.post(f"{hub.url}/api/repos/create", json=new, headers=auth).status_code == 200
    body = '{"key": "header", "value": {"summary": "Share"}}'
    statuses = {
        repo: http.post(f"{hub.url}/api/{repo}/commit/main", content=body, headers=auth).status_code
        for repo in ("datasets/ada/shared", "models/ada/net-2", "datasets/ada/private")
    }
    assert statuses == {"datasets/ada/shared": 200, "models/ada/net-2": 403, "datasets/ada/private": 404}
