"""Which test holds which line of what clients ask (1-25), and which trap of the standard's own text."""

from __future__ import annotations

from typing import Final

_PAGES, _REQUESTS, _CONTENT = (f"test_lines_of_{one}.py" for one in ("pages", "requests", "content"))

# The line, in a few words, and the files whose tests `test_line_N_…` hold it.
LINES: Final[dict[int, tuple[str, str]]] = {
    1: ("filter first, page second", _PAGES),
    2: ("no empty page that says more", _PAGES),
    3: ("next is text, and only with more", _PAGES),
    4: ("a cursor carries its own window", _PAGES),
    5: ("a cursor of something else is 400", _PAGES),
    6: ("what is empty is left out", _PAGES),
    7: ("no other keys in an envelope", _PAGES),
    8: ("every answer is TAXII JSON", _REQUESTS),
    9: ("406 and 415 for a real mismatch alone", _REQUESTS),
    10: ("bundles are read", _REQUESTS),
    11: ("unmarked is not public", _CONTENT),
    12: ("the spellings of TLP", _CONTENT),
    13: ("serving changes no marking; definitions in reach", _CONTENT),
    14: ("spec_version first within a commit", _PAGES),
    15: ("added_after is exclusive; date headers", _PAGES),
    16: ("newly visible, newly dated", _PAGES),
    17: ("with or without the slash, never redirected", _REQUESTS),
    18: ("discovery, and a true max_content_length", _REQUESTS),
    19: ("one root of one segment", _REQUESTS),
    20: ("titles and ids of collections", _REQUESTS),
    21: ("ways to authenticate", _REQUESTS),
    22: ("statuses add up", _REQUESTS),
    23: ("whatever a GET carries", _REQUESTS),
    24: ("an undefined match is 400 by name", _REQUESTS),
    25: ("within the least patient client's time", _PAGES),
}

# Every rule of the list of traps, and the tests of test_traps_of_*.py that hold it.
TRAPS: Final[dict[str, tuple[str, ...]]] = {
    "date_added is unique and becomes visible in order": (
        "test_trap_dates_are_unique_and_rise_with_the_order",
        "test_trap_nothing_is_committed_behind_a_poller",
    ),
    "manifests and versions page by added_after": (
        "test_trap_manifests_and_versions_continue_by_date_alone",
    ),
    "a malformed value is 400": ("test_trap_every_malformed_value_is_400_by_name",),
    "a huge limit is capped": (
        "test_trap_a_huge_limit_is_capped",
        "test_trap_noughts_before_a_limit_are_not_taken",
    ),
    "well-formed nonsense matches nothing": ("test_trap_nonsense_that_is_well_formed_matches_nothing",),
    "last is the highest modified, and the default": (
        "test_trap_last_is_the_highest_modified_and_the_default",
    ),
    "without modified the version is created": ("test_trap_without_modified_the_version_is_created",),
    "observables have neither": ("test_trap_an_observable_has_the_version_of_its_acceptance",),
    "a version goes out as it came in": ("test_trap_a_version_goes_out_as_it_came_in",),
    "an exact duplicate moves nothing": ("test_trap_an_exact_duplicate_succeeds_and_moves_nothing",),
    "one bad item takes no other down": ("test_trap_one_bad_item_takes_no_good_one_down",),
    "max_content_length is a promise": ("test_trap_max_content_length_is_a_promise",),
    "DELETE": (
        "test_trap_what_is_deleted_is_404_and_is_not_taken_again",
        "test_trap_deleting_what_is_not_there_is_404",
        "test_trap_deleting_takes_both_rights",
        "test_trap_without_any_right_there_is_no_collection",
    ),
    "401 has its challenges and comes first": ("test_trap_a_401_has_its_challenges_and_comes_first",),
    "error bodies have title and http_status": ("test_trap_every_refusal_is_an_error_message",),
    "unknown paths": ("test_trap_an_unknown_path_is_404",),
    "wrong methods": ("test_trap_a_wrong_method_is_405",),
    "a status belongs to its submitter": ("test_trap_a_status_belongs_to_its_submitter",),
}

# The products whose requests are rebuilt, and where.
PRODUCTS: Final[dict[str, str]] = {
    "taxii2-client": "test_taxii2_client.py",
    "python-stix2 TAXIICollectionStore": "test_stix2_taxii_store.py",
    "OpenCTI": "test_opencti.py",
    "MISP": "test_misp.py",
    "Microsoft Sentinel": "test_sentinel.py",
    "Elastic Agent and Filebeat": "test_elastic.py",
    "Cortex XSOAR": "test_xsoar.py",
    "Splunk CTIS app and download": "test_splunk_ctis.py",
}
