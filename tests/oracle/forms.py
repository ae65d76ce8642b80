"""The forms in which a version is served, and the objects that the hub makes for them (policy 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.oracle import contents
from tests.oracle.contents import Cut, ids_within, is_value_based, made_id, names, replaced, texts
from tests.oracle.markings import ID
from tests.oracle.others_objects import OthersObjects
from tests.oracle.records import Served
from tests.oracle.versions import TLP_OF, Handling, Json, OracleVersion, strictest

TLP_2 = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


class ServedForm(NamedTuple):
    """A version in the form in which somebody is served it; "" is as it was submitted."""

    version: OracleVersion
    form: str = ""

    @property
    def is_anonymised(self) -> bool:
        return "anonymised" in self.form.split()

    @property
    def ceiling(self) -> str | None:
        """The level above which parts were taken away."""
        return self.form.rpartition("redacted:")[2] if "redacted:" in self.form else None

    @property
    def is_answer(self) -> bool:
        return "answer" in self.form.split()


@dataclass
class MadeObjects(OthersObjects):
    """Knows the id and the content of each object that the hub makes, and whose name a version would give.

    `identities` and `titles` are the members' registered identities and names. What depends on when somebody
    was first served something follows from `note`: which ids came to a nation from abroad, those that the hub
    made among them, and the content of what was made.
    """

    identities: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    arrived: dict[str, set[str]] = field(default_factory=dict)
    came_from: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    made: dict[str, set[str]] = field(default_factory=dict)  # ids of redactions, say, that a nation was given
    contents: dict[ServedForm, Json] = field(default_factory=dict)
    appearances: dict[tuple[ServedForm, str], OracleVersion] = field(
        default_factory=dict
    )  # made ones as they appear, by id

    def _names_source(self, version: OracleVersion) -> bool:
        """Whether hiding its member, or a colleague whose object a cert's names, would be in vain (7)."""
        if self.accounts[version.member].kind == "cert":
            return self.names_colleagues(version)
        words = [version.member, *([self.titles[version.member]] if version.member in self.titles else [])]
        is_somebody = version.obj["type"] == "identity" and version.obj.get("identity_class") != "class"
        # Any id of another's may be one that is hidden, now or later.
        told = any(not is_value_based(id) for id in ids_within(version.obj))
        return is_somebody or told or names(version.obj, words)

    def is_masked(self, version: OracleVersion) -> bool:
        """Whether it can tell who submitted it: an observable that follows from values cannot."""
        if self.accounts[version.member].kind == "cert":
            return False
        ids = {text for text in texts(version.obj) if ID.fullmatch(text)} - TLP_OF.keys()
        return not all(is_value_based(id) for id in ids) or version.names_source

    def cut(self, version: OracleVersion, ceiling: str) -> Cut | None:
        """What is left of the newest version below a ceiling; None: nothing is to be taken away, or all."""
        return contents.cut(version.obj, ceiling) if self.is_newest(version) else None

    # --- what is made ---

    def note(self, served_forms: Mapping[str, set[ServedForm]]) -> None:
        """Take note of what is served, in the order in which it comes to be."""
        for reader, seen in served_forms.items():
            nation = self.accounts[reader].nation
            arrived = self.arrived.setdefault(nation, set())
            for served_form in seen:
                origin = self.nation(served_form.version)
                if origin != nation:
                    arrived.add(self.id_of(served_form))
                    self.came_from.setdefault((nation, self.id_of(served_form)), set()).add(
                        served_form.version.member
                    )
                    if self.id_of(served_form) != served_form.version.id and not served_form.form.startswith(
                        "link:"
                    ):
                        self.made.setdefault(nation, set()).add(self.id_of(served_form))
                if served_form not in self.contents:
                    self.contents[served_form] = self._content(served_form)

    def _served(self, served_forms: Iterable[ServedForm]) -> Iterator[Served]:
        """What counts as shown (8): a redaction as its record's, under the id that is served and its own."""
        for served_form in served_forms:
            if served_form.form.startswith("link:"):
                continue
            ids = {self.id_of(served_form)}
            if served_form.ceiling is not None and not served_form.is_anonymised:
                ids.add(served_form.version.id)
            for id in sorted(ids):
                yield Served(
                    self._as_seen(served_form, id),
                    self._own(served_form),
                    served_form.version,
                    served_form.ceiling,
                )

    def _as_seen(self, served_form: ServedForm, id: str) -> OracleVersion:
        """How the version appears to who sees it so: an anonymised one as an object of its nation's cert."""
        version = served_form.version
        if not served_form.form:
            return version
        if (served_form, id) not in self.appearances:
            obj, member, creator = self.contents[served_form], version.member, version.creator
            if served_form.is_anonymised:
                member = self._cert(self.nation(version))
                creator = self.identities.get(member)
            if "created" in obj:
                obj = {k: v for k, v in obj.items() if k != "created_by_ref"}
                obj |= {"created_by_ref": creator} if creator else {}
            self.appearances[served_form, id] = replace(version, member=member, id=id, obj=obj)
        return self.appearances[served_form, id]

    def _own(self, served_form: ServedForm) -> Handling:
        """The level of what is left is a redaction's own (7)."""
        cut = None if served_form.ceiling is None else self.cut(served_form.version, served_form.ceiling)
        return served_form.version.full if cut is None else handling_of_rest(served_form.version, cut)

    def id_of(self, served_form: ServedForm) -> str:
        version = served_form.version
        # What follows from a value tells nobody's name, and so stays the same where only a name is hidden.
        is_the_same = served_form.form == "anonymised" and is_value_based(version.id)
        if not served_form.form or is_the_same:
            return version.id
        return self._draw(self.nation(version), version.id, served_form.form)

    def _draw(self, nation: str, id: str, form: str) -> str:
        made = made_id(nation, id, form)
        self.drawn[made] = (nation, id, form)
        return made

    def _content(self, served_form: ServedForm) -> Json:
        version = served_form.version
        if served_form.form.startswith("link:"):
            redacted = ServedForm(version, served_form.form.replace("link:", "redacted:"))
            return {
                "relationship_type": "derived-from",
                "source_ref": self.id_of(redacted),
                "target_ref": version.id,
                "created_by_ref": self.hub_identity,
            }
        obj = version.obj
        if served_form.ceiling is not None:
            cut = self.cut(version, served_form.ceiling)
            assert cut is not None
            obj = cut.obj
            if not any(ref in TLP_OF for ref in obj.get("object_marking_refs", [])):
                refs = [*obj.get("object_marking_refs", []), TLP_2[served_form.ceiling]]
                obj = obj | {"object_marking_refs": refs}
        if served_form.is_anonymised:
            obj = replaced(obj, lambda id: self._renamed(version, id))
        if served_form.is_answer:
            obj = replaced(obj, lambda id: version.about[id][1] if id in version.about else id)
        if served_form.form:
            # What refers to itself goes on doing so, and does not tell the id that it had.
            own = obj["id"]
            obj = replaced(obj, lambda id: self.id_of(served_form) if id == own else id)
        if served_form.form and "created" in obj:
            cert = self.identities.get(self._cert(self.nation(version)), "")
            author = self.hub_identity if served_form.ceiling is not None else cert
            if served_form.is_anonymised or served_form.ceiling is not None:
                obj = obj | {"created_by_ref": author}
        return obj

    def _renamed(self, version: OracleVersion, id: str) -> str:
        """The id that stands for this one where the version's member is hidden."""
        nation = self.nation(version)
        cert = self._cert(nation)
        if id in self._authors(version):
            return self.identities.get(cert, cert)
        submitters = {v.member for v in self.versions if v.id == id and self.nation(v) == nation}
        certs = {self.identities.get(self._cert(a.nation)) for a in self.accounts.values()}
        reserved = {self.hub_identity, *certs, *TLP_OF, *self.rel_to, *self.configured(version).informative}
        if id in reserved or is_value_based(id) or cert in submitters:
            return id
        came = id in self.arrived.get(nation, ()) or id.startswith("extension-definition--")
        return id if came and not submitters else self._draw(nation, id, "anonymised")

    def _cert(self, nation: str) -> str:
        return next(m for m, a in self.accounts.items() if (a.nation, a.kind) == (nation, "cert"))

    def _authors(self, version: OracleVersion) -> set[str | None]:
        return {self.identities.get(version.member), version.obj.get("created_by_ref")} - {version.id}


def handling_of_rest(version: OracleVersion, cut: Cut) -> Handling:
    """How what is left is handled: as if the parts that are gone had never raised it (7)."""
    level = strictest([version.base.level, cut.level]) or "red"
    return replace(version.full, level=level, nations=version.base.nations)
