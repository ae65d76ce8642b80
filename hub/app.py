"""One hub, opened and wired: settings in, a Flask application out."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask, Response

from hub.actions.house import House, read_secrets
from hub.errors import SettingsError
from hub.settings import Settings
from hub.store.connection import Store
from hub.web import governance, operations, taxii
from hub.web.taxii import identity, problems


def create_app(settings: Settings, house: House | None = None) -> Flask:
    """Return the application that serves `house`, by default the one that `settings` describe.

    Raises SettingsError when the database has another schema than this version's, or secrets are missing.
    """
    house = house or open_house(settings)
    app = Flask("hub", static_folder=None)
    # Addresses are complete with and without the last slash; nothing redirects, a signed POST least of all.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    # One more than is taken: a chunked body, cut at this length, is then seen to be too long.
    app.config["MAX_CONTENT_LENGTH"] = house.limits.max_body_bytes + 1
    identity.move_in(app, house)
    problems.install(app)
    taxii.install(app, house)
    governance.install(app)
    operations.install(app)
    app.after_request(_keep_out_of_caches)
    return app


def open_house(settings: Settings) -> House:
    """Return the open hub that `settings` describe. Raises SettingsError where it is not ready to serve."""
    secrets = read_secrets(settings.secrets_dir)
    store = Store.open(settings.database_url, settings.read_database_url)
    if not store.is_current():
        store.close()
        raise SettingsError("database_url: the database is not of this version; run `hub init`")
    return House(
        store=store,
        registry=settings.registry,
        limits=settings.limits,
        secrets=secrets,
        public_url=settings.public_url,
        api_root=settings.api_root,
        require_signature=settings.require_signature,
        clock=lambda: datetime.now(UTC),
    )


def _keep_out_of_caches(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
