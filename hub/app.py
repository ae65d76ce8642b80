"""Opens one hub: settings in, a Flask application out."""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.routing import Rule

from hub.actions.operation.initialise import bound
from hub.actions.service.service import (
    Secrets,
    Service,
    create_secrets,
    read_secrets,
)
from hub.errors import SettingsError
from hub.settings import Settings
from hub.store.database.connection import Store
from hub.web import governance, operations, request_log, taxii
from hub.web.application import HubApp
from hub.web.taxii import identity, problems


def create_app(settings: Settings, service: Service | None = None) -> Flask:
    """Return the application of `service`, by default of the service described by `settings`.

    Raises SettingsError as `open_service` does.
    """
    service = service or open_service(settings)
    app = HubApp("hub", static_folder=None)
    app.url_map.merge_slashes = False  # merging redirects, and a signed POST cannot be sent again
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # One byte above the limit: a chunked body, cut at this length, is then known as too long.
    app.config["MAX_CONTENT_LENGTH"] = service.limits.max_body_bytes + 1
    identity.install(app, service)
    problems.install(app)
    taxii.install(app, service)
    governance.install(app)
    operations.install(app)
    _drop_last_slashes(app)
    # Answers differ by reader: no cache may serve one reader's answer to another (RFC 9111 section 5.2.2.5).
    app.after_request(_keep_out_of_caches)
    request_log.install(app)
    return app


def open_service(settings: Settings) -> Service:
    """Return the open hub described by `settings`.

    Raises SettingsError for a hub not ready to serve: secrets are missing, the database has another schema or
    other tables than this version's, or the database keeps another configuration than the file.
    """
    secrets = read_secrets(settings.secrets_dir)
    store = Store.open(settings.database_url)
    try:
        _check_schema(store)
        return bound(_service(settings, store, secrets), settings.nations_file)
    except BaseException:  # also an interrupt: no connection may stay open behind a failed start
        store.close()
        raise


def _check_schema(store: Store) -> None:
    if (reason := store.outdated() or store.altered()) is not None:
        raise SettingsError(f"database_url: {reason}")


def new_service(settings: Settings) -> Service:
    """Return a hub before its initialisation; missing secrets are made."""
    # The schema is not checked here: `hub init` makes the tables afterwards.
    create_secrets(settings.secrets_dir)
    store = Store.open(settings.database_url)
    return _service(settings, store, read_secrets(settings.secrets_dir))


def _service(settings: Settings, store: Store, secrets: Secrets) -> Service:
    return Service(
        store=store,
        registry=settings.registry,
        limits=settings.limits,
        secrets=secrets,
        public_url=settings.public_url,
        api_root=settings.api_root,
        require_signature=settings.require_signature,
    )


def _drop_last_slashes(app: Flask) -> None:
    """Add a rule without the last slash for every rule, so that neither spelling redirects.

    `url_map.strict_slashes = False` is right for allowed methods, but answers other methods 404 instead of
    405.
    """
    for rule in list(app.url_map.iter_rules()):
        app.url_map.add(Rule(rule.rule.rstrip("/"), endpoint=rule.endpoint, methods=rule.methods))


def _keep_out_of_caches(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
