"""The application: every route, what it is asked and answers, and what becomes of errors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi import Path as Param
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles

from thermoscope._version import __version__
from thermoscope.errors import ThermoscopeError
from thermoscope.language.saying import ENGLISH, languages
from thermoscope.web import run_list, work
from thermoscope.web.api_page import api_page
from thermoscope.web.guard import LOOPBACK, Guard
from thermoscope.web.jobs import Job, Jobs
from thermoscope.web.models import Models
from thermoscope.web.schemas import (
    AuditRequest,
    CompareRequest,
    Deleted,
    DeleteRequest,
    Draws,
    DrawsRequest,
    ExportAnswer,
    ExportRequest,
    Fault,
    ModelAtHand,
    NextToken,
    NextTokenRequest,
    RecommendRequest,
    ResumeRequest,
    RunDetail,
    RunInfo,
    SpectrumRequest,
    State,
    TemperatureRequest,
    TextRequest,
)
from thermoscope.web.settings import orders, stages

#: The language of a report.
Language = Annotated[str, Query(max_length=8)]

PAGE = Path(__file__).parent / "page"
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Fault, "description": "A rule is broken; the line names it."},
    422: {"model": Fault, "description": "The request has not the form that it must have."},
}


def make_app(
    models: Models, runs: Path, *, hosts: frozenset[str] | None = LOOPBACK, token: str | None = None
) -> FastAPI:
    """The application.

    Parameters
    ----------
    models
        The models that may be asked for.
    runs
        The folder of runs.
    hosts, token
        Who may ask: see ``Guard``.
    """
    jobs, results = Jobs(), work.Results()

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        models.load_first()
        yield
        jobs.close()
        jobs.shut()
        models.close()

    app = FastAPI(
        title="Thermoscope", version=__version__, docs_url=None, redoc_url=None, lifespan=life,
        description="What decoding parameters do to the text of a language model. Long requests answer with "
        "server-sent events: queued, progress, token, text, leaf, note, then result, error or stopped.",
    )  # fmt: skip
    app.state.jobs = jobs
    app.add_middleware(Guard, hosts=hosts, token=token)
    _errors(app)
    _short_routes(app, models, jobs)
    _streams(app, models, jobs, results, runs)
    _run_routes(app, jobs, results, runs)

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> HTMLResponse:
        return HTMLResponse(api_page(app.openapi()))

    app.mount("/", StaticFiles(directory=PAGE, html=True), name="page")
    return app


def _errors(app: FastAPI) -> None:
    """Every error is one line of JSON."""

    @app.exception_handler(ThermoscopeError)
    async def ours(_: Request, error: ThermoscopeError) -> JSONResponse:
        return JSONResponse({"error": " ".join(str(error).split())}, 400)

    @app.exception_handler(RequestValidationError)
    async def form(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        return JSONResponse({"error": f"{place or 'the request'}: {first['msg']}"}, 422)


def _short_routes(app: FastAPI, models: Models, jobs: Jobs) -> None:
    """Short requests. What imports torch is imported in their threads: the page is there before it."""

    @app.get("/api/state", summary="What the page must know to begin")
    def state() -> State:
        from thermoscope.engines.registry import ENGINES
        from thermoscope.settings.params import SamplingParams
        from thermoscope.usecases.load import bundled

        models.wanted.set()
        return State(
            version=__version__, models=models.listed(), stages=stages(), order=list(SamplingParams().order),
            orders=orders(), use_cases=bundled(), engines=list(ENGINES),
            languages=sorted(path.stem for path in (PAGE / "strings").glob("*.json")),
        )  # fmt: skip

    @app.get("/api/models", summary="The models, and which of them are loaded")
    async def at_hand() -> list[ModelAtHand]:
        return models.listed()

    @app.post(
        "/api/next-token", response_model=NextToken, responses=_REFUSED,
        summary="The distribution of the next token, stage by stage",
    )  # fmt: skip
    async def one_token(asked: NextTokenRequest) -> Response:
        def answers(many: list[NextTokenRequest]) -> list[bytes]:
            from thermoscope.web import next_token

            return next_token.answers(models, many)

        made: bytes = await jobs.together(asked, answers)
        return Response(made, media_type="application/json")

    @app.post("/api/next-token/report", responses=_REFUSED, summary="The report of a distribution")
    async def report(asked: NextTokenRequest, language: Language = ENGLISH) -> Response:
        def answer() -> str:
            from thermoscope.report.forms import render
            from thermoscope.web import next_token

            return str(render(next_token.inspected(models, asked), "html", language=report_language(language)))

        return _page(await jobs.short(answer), "thermoscope-next-token")

    @app.post("/api/draws", responses=_REFUSED, summary="How often each token is drawn")
    async def drawn(asked: DrawsRequest) -> Draws:
        def answer() -> Draws:
            from thermoscope.web import next_token

            return next_token.draws(models, asked)

        made: Draws = await jobs.short(answer)
        return made

    @app.post("/api/export", responses=_REFUSED, summary="A setting for other engines, as a command and as Python")
    async def export(asked: ExportRequest) -> ExportAnswer:
        def answer() -> ExportAnswer:
            from thermoscope.web import exports

            return exports.export(asked)

        made: ExportAnswer = await jobs.short(answer)
        return made


def _streams(app: FastAPI, models: Models, jobs: Jobs, results: work.Results, runs: Path) -> None:
    @app.post("/api/text", response_class=EventSourceResponse, responses=_REFUSED, summary="One text, token by token")
    async def text(asked: TextRequest) -> AsyncIterator[ServerSentEvent]:
        async for event in _events(jobs, lambda job: work.text(models, results, asked, job)):
            yield event

    @app.post("/api/compare", response_class=EventSourceResponse, responses=_REFUSED, summary="Settings side by side")
    async def compare(asked: CompareRequest) -> AsyncIterator[ServerSentEvent]:
        async for event in _events(jobs, lambda job: work.compare(models, results, asked, job)):
            yield event

    @app.post("/api/spectrum", response_class=EventSourceResponse, responses=_REFUSED, summary="Every temperature")
    async def spectrum(asked: SpectrumRequest) -> AsyncIterator[ServerSentEvent]:
        async for event in _events(jobs, lambda job: work.spectrum(models, results, asked, job)):
            yield event

    @app.post(
        "/api/temperature", response_class=EventSourceResponse, responses=_REFUSED, summary="The temperature of texts"
    )
    async def temperature(asked: TemperatureRequest) -> AsyncIterator[ServerSentEvent]:
        async for event in _events(jobs, lambda job: work.temperature(models, results, asked, job)):
            yield event

    @app.post(
        "/api/recommend", response_class=EventSourceResponse, responses=_REFUSED, summary="The setting for prompts"
    )
    async def recommend(asked: RecommendRequest) -> AsyncIterator[ServerSentEvent]:
        async for event in _events(jobs, lambda job: work.recommend(models, results, runs, asked, job)):
            yield event

    @app.post("/api/audit", response_class=EventSourceResponse, responses=_REFUSED, summary="Does an endpoint obey")
    async def audit(asked: AuditRequest) -> AsyncIterator[ServerSentEvent]:
        async for event in _events(jobs, lambda job: work.audit(models, results, asked, job)):
            yield event

    @app.post("/api/runs/{name}/resume", response_class=EventSourceResponse, responses=_REFUSED, summary="Go on")
    async def resume(name: str, asked: ResumeRequest) -> AsyncIterator[ServerSentEvent]:
        known = run_list.checked(runs, name)
        async for event in _events(jobs, lambda job: work.resume(models, runs, known, asked.model, job)):
            yield event


def _run_routes(app: FastAPI, jobs: Jobs, results: work.Results, runs: Path) -> None:
    @app.get("/api/runs", summary="The runs")
    def listed() -> list[RunInfo]:
        return run_list.listed(runs)

    @app.get("/api/runs/{name}", responses=_REFUSED, summary="A run, with what was found")
    async def one(name: str) -> RunDetail:
        made: RunDetail = await jobs.short(lambda: run_list.detail(runs, name))
        return made

    @app.get("/api/runs/{name}/report.html", responses=_REFUSED, summary="The report of a complete run")
    def report(name: str, language: Language = ENGLISH) -> Response:
        return _page(run_list.report(runs, name, report_language(language)), name)

    @app.delete("/api/runs/{name}", responses=_REFUSED, summary="Delete a run: asked twice")
    def delete(name: str, asked: DeleteRequest) -> Deleted:
        return run_list.delete(runs, name, asked.confirm)

    @app.get("/api/results/{number}/report.html", responses=_REFUSED, summary="The report of a result")
    async def result(number: int, language: Language = ENGLISH) -> Response:
        from thermoscope.report.forms import render

        def answer() -> str:
            return str(render(results.get(number), "html", language=report_language(language)))

        return _page(await jobs.short(answer), f"thermoscope-{number}")

    @app.get("/api/results/{numbers}/reports.zip", responses=_REFUSED, summary="The reports of several results: 1,2")
    async def several(
        numbers: Annotated[str, Param(pattern=r"^\d+(,\d+){0,31}$", max_length=200)], language: Language = ENGLISH
    ) -> Response:
        chosen = [int(number) for number in numbers.split(",")]
        made = await jobs.short(lambda: results.reports(chosen, report_language(language)))
        headers = {"content-disposition": 'attachment; filename="thermoscope-reports.zip"'}
        return Response(made, media_type="application/zip", headers=headers)


def report_language(language: str) -> str:
    """The language of a report for a page in some language: the page may have more languages than reports have."""
    return language if language in languages() else ENGLISH


def _page(html: str, name: str) -> Response:
    """A report to save under a name."""
    headers = {"content-disposition": f'attachment; filename="{name}.html"'}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


async def _events(jobs: Jobs, do: Callable[[Job], None]) -> AsyncIterator[ServerSentEvent]:
    events = jobs.stream(do)
    try:
        async for name, data in events:
            yield ServerSentEvent(event=name, data=data)
    finally:
        await events.aclose()  # type: ignore[attr-defined]
