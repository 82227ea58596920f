"""Jobs and buckets of the loopback Hub: a job is noted as it was asked for, and runs nothing."""

from typing import Any

from starlette.responses import JSONResponse, Response

from tests.fakes.hub.calls import Call, route
from tests.fakes.hub.state import HubError, now

BUCKET = r"/api/buckets/(?P<namespace>[^/]+)/(?P<name>[^/]+)"
JOBS = r"/api/jobs/(?P<namespace>[^/]+)"


def bucket(name: str, *, private: bool) -> dict[str, Any]:
    return {"id": name, "private": private, "createdAt": now(), "size": 0, "totalFiles": 0}


@route("POST", BUCKET)
async def create_bucket(call: Call) -> Response:
    told, name = await call.json(), f"{call.groups['namespace']}/{call.groups['name']}"
    call.signed_in()
    if not call.may_create(call.groups["namespace"]):
        raise HubError(403, "You don't have the rights to create a bucket there")
    body, message = {"url": f"{call.hub.url}/buckets/{name}", "id": name}, "You already created this bucket"
    if name in call.state.buckets:
        return JSONResponse(body | {"error": message}, 409, {"X-Error-Message": message})
    call.state.buckets[name] = bucket(name, private=told.get("visibility") == "private")
    return JSONResponse(body)


@route("GET", BUCKET)
async def bucket_info(call: Call) -> Response:
    call.signed_in()
    found = call.state.buckets.get(f"{call.groups['namespace']}/{call.groups['name']}")
    if found is None:
        raise HubError(404, "Bucket not found", "RepoNotFound")
    return JSONResponse(found)


@route("POST", JOBS)
async def run_job(call: Call) -> Response:
    asked, user = await call.json(), call.signed_in()
    if not call.may_create(call.groups["namespace"]):
        raise HubError(403, "You don't have the rights to start a job there")
    number = len(call.state.jobs) + 1
    job = {
        **asked,
        "id": f"{number:024x}",
        "createdAt": now(),
        "status": {"stage": call.state.job_stage, "message": None},
        "owner": {"id": "0", "name": call.groups["namespace"], "type": "user"},
        "initiator": {"id": "0", "type": "user", "name": user.name},
    }
    call.state.jobs.append(job)
    return JSONResponse(job)


@route("GET", JOBS)
async def list_jobs(call: Call) -> Response:
    call.signed_in()
    stages = call.query.getlist("stage")
    labels = [tuple(each.partition("=")[::2]) for each in call.query.getlist("label")]
    found = [
        job
        for job in call.state.jobs
        if job["owner"]["name"] == call.groups["namespace"]
        and (not stages or job["status"]["stage"] in stages)
        and all((job.get("labels") or {}).get(key) == value for key, value in labels)
    ]
    return JSONResponse(found)


@route("GET", JOBS + r"/(?P<id>[^/]+)")
async def inspect_job(call: Call) -> Response:
    call.signed_in()
    for job in call.state.jobs:
        if job["id"] == call.groups["id"]:
            return JSONResponse(job)
    raise HubError(404, "Job not found")
