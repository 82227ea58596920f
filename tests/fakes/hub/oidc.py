"""The loopback Hub as OpenID provider, for gr.LoginButton: OAuth 2 with codes, PKCE and an RS256 id_token.

Who is signed in on the Hub in the browser is `hub.browser_user`. The access token works on the API as that user's,
within the scopes that were given. RS256 is written out here (RFC 8017, 8.2), to need no cryptography package.
"""

import base64
import hashlib
import json
import secrets
import time
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.fakes.hub.calls import Call, route
from tests.fakes.hub.state import Token, User

SCOPES = (
    "openid profile email read-billing read-repos contribute-repos write-repos manage-repos write-discussions "
    "inference-api webhooks jobs"
)
CODE_SECONDS = 60.0
P, Q, E = 2**1279 - 1, 2**2203 - 1, 65537  # Mersenne primes: a key that is no secret and takes no search
N, D = P * Q, pow(E, -1, (P - 1) * (Q - 1))
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # of SHA-256: RFC 8017, 9.2 note 1


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def jwt(claims: dict[str, Any]) -> str:
    """`claims` signed with RS256."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "loopback"}
    text = ".".join(_base64url(json.dumps(part).encode()) for part in (head, claims))
    info = DIGEST_INFO + hashlib.sha256(text.encode()).digest()
    size = (N.bit_length() + 7) // 8
    padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
    return f"{text}.{_base64url(pow(int.from_bytes(padded, 'big'), D, N).to_bytes(size, 'big'))}"


def _profile(call: Call, user: User, scopes: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "sub": hashlib.sha256(user.name.encode()).hexdigest()[:24],
        "name": user.name.title(),
        "preferred_username": user.name,
        "profile": f"{call.hub.url}/{user.name}",
        "picture": f"{call.hub.url}/avatars/{user.name}.svg",
        "website": "",
        "isPro": False,
        "orgs": [
            {"sub": org, "name": org, "preferred_username": org, "roleInOrg": role} for org, role in user.orgs.items()
        ],
    }
    return told | ({"email": user.email, "email_verified": True} if "email" in scopes else {})


@route("GET", "/.well-known/openid-configuration")
async def configuration(call: Call) -> Response:
    url = call.hub.url
    return JSONResponse(
        {
            "issuer": url,
            "authorization_endpoint": f"{url}/oauth/authorize",
            "token_endpoint": f"{url}/oauth/token",
            "userinfo_endpoint": f"{url}/oauth/userinfo",
            "jwks_uri": f"{url}/oauth/jwks",
            "scopes_supported": SCOPES.split(),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


@route("GET", "/oauth/jwks")
async def jwks(call: Call) -> Response:
    numbers = {name: _base64url(n.to_bytes((n.bit_length() + 7) // 8, "big")) for name, n in (("n", N), ("e", E))}
    return JSONResponse({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "loopback", **numbers}]})


def _refused(status: int, error: str, why: str) -> Response:
    return JSONResponse({"error": error, "error_description": why}, status)


def _back(asked: dict[str, str], **told: str) -> Response:
    """To the app, with what came out."""
    told |= {"state": asked["state"]} if "state" in asked else {}
    mark = "&" if "?" in asked["redirect_uri"] else "?"
    return RedirectResponse(f"{asked['redirect_uri']}{mark}{urlencode(told)}", 303)


@route("GET POST", "/oauth/authorize")
async def authorize(call: Call) -> Response:
    """A page with a button; pressing it, or `hub.auto_approve`, sends the user back with a code."""
    hub, post = call.hub, call.request.method == "POST"
    asked = dict(parse_qsl((await call.request.body()).decode())) if post else dict(call.query)
    app, user = hub.oauth_apps.get(asked.get("client_id", "")), hub.browser_user
    if app is None or "redirect_uri" not in asked:
        return _refused(400, "invalid_client", "no such app, or no redirect_uri")
    if asked.get("response_type") != "code":
        return _back(asked, error="unsupported_response_type")
    if extra := set(asked.get("scope", "").split()) - {"openid", "profile", *app.scopes}:
        return _back(asked, error="invalid_scope", error_description=f"the app has not {' '.join(sorted(extra))}")
    if user is None or call.state.user(user) is None:
        return HTMLResponse("<h1>Sign in</h1><p>Nobody is signed in on this Hub.</p>", 401)
    if asked.pop("decision", "") == "deny":
        return _back(asked, error="access_denied", error_description="The user denied access")
    if post or hub.auto_approve:
        code = secrets.token_urlsafe(24)
        hub.oauth_codes[code] = asked | {"user": user, "until": str(time.time() + CODE_SECONDS)}
        return _back(asked, code=code)
    fields = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
    return HTMLResponse(
        f"<!doctype html><title>Authorize</title><h1>Authorize {escape(asked['client_id'])}</h1>"
        f"<p>Signed in as {escape(user)}. It asks for: {escape(asked.get('scope', ''))}</p>"
        f'<form method="post" action="/oauth/authorize">{fields}'
        '<button name="decision" value="allow">Authorize</button>'
        '<button name="decision" value="deny">Deny</button></form>'
    )


def _client(call: Call, form: dict[str, str]) -> str | None:
    """The app that asks, if it knows its secret: by Basic or in the form."""
    head = call.request.headers.get("authorization", "")
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    if head.startswith("Basic "):
        client, _, secret = base64.b64decode(head.removeprefix("Basic ")).decode().partition(":")
    app = call.hub.oauth_apps.get(client)
    return client if app and secrets.compare_digest(app.secret, secret) else None


@route("POST", "/oauth/token")
async def token(call: Call) -> Response:
    """A code, once, for an access token and an id_token."""
    hub, form = call.hub, dict(parse_qsl((await call.request.body()).decode()))
    client = _client(call, form)
    if client is None:
        return _refused(401, "invalid_client", "unknown client, or wrong secret")
    if form.get("grant_type") != "authorization_code":
        return _refused(400, "unsupported_grant_type", "only authorization_code")
    asked = hub.oauth_codes.pop(form.get("code", ""), {})
    verifier = _base64url(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
    user = call.state.user(asked.get("user", ""))
    ours = asked.get("client_id") == client and asked.get("redirect_uri") == form.get("redirect_uri")
    proved = asked.get("code_challenge", verifier) == verifier
    if user is None or not ours or not proved or float(asked["until"]) < time.time():
        return _refused(400, "invalid_grant", "the code is used, too old, or another's")
    scopes = tuple(asked.get("scope", "openid profile").split())
    issued = int(time.time())
    access = call.state.add_token(Token(user.name, "write", scopes, client, time.time() + hub.oauth_seconds))
    body: dict[str, Any] = {"access_token": access, "token_type": "bearer", "scope": " ".join(scopes)}
    body["expires_in"] = int(hub.oauth_seconds)
    if "openid" in scopes:
        claims = {"iss": hub.url, "aud": client, "iat": issued, "auth_time": issued, "exp": issued + 3600}
        claims |= {"nonce": asked["nonce"]} if "nonce" in asked else {}
        body["id_token"] = jwt(claims | _profile(call, user, scopes))
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@route("GET POST", "/oauth/userinfo")
async def userinfo(call: Call) -> Response:
    user = call.signed_in()
    return JSONResponse(_profile(call, user, (call.token.scopes if call.token else None) or ("email",)))
