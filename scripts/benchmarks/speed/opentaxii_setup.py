"""Fills OpenTAXII with objects, in OpenTAXII's own environment: the file's lines are objects.

Prints the ids of API root and collection, and a token.
"""

import datetime
import json
import pathlib
import sys

from opentaxii.http import app, server
from opentaxii.persistence.sqldb import taxii2models

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_KNOWN = ("id", "type", "spec_version")

with app.app_context():
    api = server.servers.taxii2.persistence.api
    root = api.add_api_root("root", default=True)
    collection = api.add_collection(root.id, "peer", is_public=False, is_public_write=False)
    server.auth.api.create_account("user", "secret", is_admin=True)
    token = server.auth.api.authenticate("user", "secret")
    began = datetime.datetime.now(datetime.UTC)
    rows = []
    with pathlib.Path(sys.argv[1]).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            made = json.loads(line)
            rows.append(
                taxii2models.STIXObject(
                    id=made["id"],
                    collection_id=collection.id,
                    type=made["type"],
                    spec_version=made["spec_version"],
                    date_added=began + datetime.timedelta(microseconds=number),
                    version=datetime.datetime.strptime(made["modified"], _FORMAT).replace(
                        tzinfo=datetime.UTC
                    ),
                    serialized_data={name: value for name, value in made.items() if name not in _KNOWN},
                )
            )
    api.db.session.bulk_save_objects(rows)
    api.db.session.commit()
    told = {"root": str(root.id), "collection": str(collection.id)}
    dates = [
        (began + datetime.timedelta(microseconds=number)).strftime(_FORMAT) for number in range(len(rows))
    ]
    told |= {"last": dates[-1], "before_ten": dates[-11]}
    told["token"] = token if isinstance(token, str) else token.decode()
    print(json.dumps(told))
