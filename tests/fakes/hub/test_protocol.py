"""The loopback Hub, asked over plain HTTP: restarts, races, and signing in."""

import base64
import hashlib
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.fakes.hub.server import HubServer


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
