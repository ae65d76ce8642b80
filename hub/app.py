"""One hub, opened and wired: settings in, a Flask application out."""

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
from hub.web.taxii import identity, problems


def create_app(settings: Settings, service: Service | None = None) -> Flask:
    """Return the application that serves `service`, by default the one that `settings` describe.

    Raises SettingsError as `open_service` does.
    """
    service = service or open_service(settings)
    app = Flask("hub", static_folder=None)
    app.url_map.merge_slashes = False  # it redirects, and a signed POST cannot be sent again
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # One more than is taken: a chunked body, cut at this length, is then seen to be too long.
    app.config["MAX_CONTENT_LENGTH"] = service.limits.max_body_bytes + 1
    identity.install(app, service)
    problems.install(app)
    taxii.install(app, service)
    governance.install(app)
    operations.install(app)
    _drop_last_slashes(app)
    app.after_request(_keep_out_of_caches)
    request_log.install(app)
    return app


def open_service(settings: Settings) -> Service:
    """Return the open hub that `settings` describe.

    Raises SettingsError where it is not ready to serve: secrets are missing, the database has another schema
    or other tables than this version's, or it keeps something else of what decides than the file says.
    """
    secrets = read_secrets(settings.secrets_dir)
    store = Store.open(settings.database_url)
    try:
        _check_schema(store)
        return bound(_service(settings, store, secrets), settings.nations_file)
    except BaseException:
        store.close()
        raise


def _check_schema(store: Store) -> None:
    if (reason := store.outdated() or store.altered()) is not None:
        raise SettingsError(f"database_url: {reason}")


def new_service(settings: Settings) -> Service:
    """Return a hub that is about to be initialised: its secrets are made where they are missing."""
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
    """Give every address a twin without the last slash, so that neither spelling redirects.

    `url_map.strict_slashes = False` would do for right methods, but answers a wrong one 404 instead of 405.
    """
    for rule in list(app.url_map.iter_rules()):
        app.url_map.add(Rule(rule.rule.rstrip("/"), endpoint=rule.endpoint, methods=rule.methods))


def _keep_out_of_caches(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
