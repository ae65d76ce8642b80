"""The terms of the hub as values: with these pages read, the rest of the code is plain.

All values are frozen and free of I/O. Times are aware UTC datetimes, intervals are half-open. Where to go
next: `hub.rules.marking.levels` decides levels, `hub.rules.release.deciding.clearance_for` the readers of a
level (AMBER+STRICT: the national CERT alone).
"""

from hub.model.agreements import (
    DOCUMENT_KEYS,
    MAX_AGREEMENT_BYTES,
    MAX_CLAUSES,
    MAX_TITLE,
    Agreement,
    AgreementState,
    Anonymise,
    Clause,
    Granular,
    Period,
)
from hub.model.fact_sets import DecidingFacts, FactSet, SettledFacts
from hub.model.forms import (
    ANONYMISED,
    SUBMITTED,
    Form,
    KnownSubmitters,
    OriginalId,
    Redaction,
    ServedObject,
    SourceHiding,
    View,
    redaction_for,
)
from hub.model.instants import (
    MAX_TIMESTAMP_CHARACTERS,
    format_instant,
    format_microseconds,
    from_microseconds,
    say_instant,
    to_microseconds,
    version_key,
)
from hub.model.objects import (
    NAME_TYPES,
    OBSERVABLE_TYPES,
    Class,
    Decision,
    DefinitionKind,
    EffectiveMarking,
    Facts,
    Ground,
    Justification,
    LiveRow,
    Markings,
    ObjectVersion,
    Obstacle,
    Outcome,
    Reason,
    Receipt,
    RecordKey,
    Release,
    RowChanges,
    Shown,
    StixObject,
    Taken,
    Unreadable,
    Withhold,
)
from hub.model.others import EqualVersion, Mention, OriginalRow, OthersVersion, PastJustification, ShownRow
from hub.model.people import (
    HUB,
    Caller,
    Clearance,
    JsonObject,
    Kind,
    Limits,
    Member,
    MemberId,
    Nation,
    NationCode,
    Purpose,
    Reach,
    Reader,
    Registry,
    Scope,
    StixId,
    Tlp,
    as_of,
)
from hub.model.plain_versions import PlainVersion
from hub.model.requests import (
    Deletion,
    Disclosed,
    Disclosure,
    Evidence,
    HttpRequest,
    Page,
    Query,
    RegisteredKey,
    RowNames,
    Submission,
    VerifiedSubmission,
    VersionFilter,
)
