"""What the OASIS Standard TAXII 2.1 (10 June 2021) asks of a server, and the test that holds each statement.

Each statement is told in this project's words, in the order of the standard. `level` is the standard's own,
or STATES for a sentence without such a word that still settles what a server does: the endpoint tables of
sections 4 and 5 are normative (section 3.1). Of sections 1.6, 2, 7 and 8 there is what those between lean on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "STATES"]
Binds = Literal["server", "client", "operator"]


@dataclass(frozen=True)
class Clause:
    """One statement. A client's and an operator's have no test here.

    `departs` says where the hub does not keep to the letter, and why; its test holds what is done instead.
    """

    section: str
    level: Level
    says: str
    held_by: tuple[str, ...] = ()
    binds: Binds = "server"
    departs: str = ""


_FILTERS: Final = "tests/web/test_filters.py"
_TAXII: Final = "tests/web/test_taxii.py"
_NEGOTIATION: Final = "tests/web/test_negotiation.py"
_PROBLEMS: Final = "tests/web/test_problems.py"
_IDENTITY: Final = "tests/web/test_identity.py"
_APP: Final = "tests/web/test_app.py"
_POLL: Final = "tests/actions/reading/test_poll.py"
_SUBMIT: Final = "tests/actions/submission/test_submit.py"
_INCREMENTAL: Final = "tests/actions/reading/test_incremental.py"
_JOURNEY: Final = "tests/journeys/test_taxii_client.py"
_MESSAGES: Final = "tests/standard/test_messages.py"
_RIGHTS: Final = "tests/standard/test_rights.py"
_ERRORS: Final = "tests/standard/test_errors.py"
_FILTERING: Final = "tests/standard/test_filtering.py"
_PAGING: Final = "tests/standard/test_paging.py"
_SERVER: Final = "tests/standard/test_server_information.py"
_COLLECTIONS: Final = "tests/standard/test_collections.py"
_OBJECTS: Final = "tests/standard/test_objects.py"
_DELETING: Final = "tests/standard/test_deleting.py"
_LIVE: Final = "tests/standard/test_live.py"

_SHAPES: Final = f"{_MESSAGES}::test_every_success_carries_the_resource_of_its_endpoint"
_RIGHT: Final = f"{_RIGHTS}::test_rights_decide_at_every_endpoint_of_a_collection"
_NOBODY: Final = f"{_RIGHTS}::test_who_fails_to_authenticate_gets_401_with_a_challenge_at_every_endpoint"
_STATUS: Final = f"{_SERVER}::test_a_status_counts_every_object_once_and_names_it"
_PAIRS: Final = f"{_FILTERING}::test_two_filters_give_what_both_say"
_ALONE: Final = f"{_FILTERING}::test_each_filter_alone_gives_what_it_says"
_MALFORMED: Final = f"{_ERRORS}::test_a_malformed_parameter_is_400_at_every_endpoint_that_filters"
_UNKNOWN: Final = f"{_ERRORS}::test_an_unknown_collection_is_404"
_PAGE: Final = f"{_PAGING}::test_a_page_has_what_was_asked_for_and_says_whether_more_follow"
_GONE: Final = f"{_DELETING}::test_the_submitter_and_its_nations_cert_delete_for_everybody_everywhere"
_NO_DELETE: Final = f"{_DELETING}::test_who_may_not_delete_deletes_nothing"

CLAUSES: Final = (
    # --- 1.6, 2: what the rest leans on ---
    Clause(
        "1.6.7",
        "STATES",
        "Resources are UTF-8 JSON, and I-JSON at that: no name comes twice in an object.",
        (_SHAPES, f"{_MESSAGES}::test_what_is_no_i_json_is_no_resource"),
    ),
    Clause(
        "1.6.8.1",
        "STATES",
        "application/taxii+json is the media type of requests and of responses.",
        (
            f"{_MESSAGES}::test_a_media_type_of_the_standard_is_never_406",
            f"{_NEGOTIATION}::test_every_name_of_json_is_taken",
        ),
    ),
    Clause(
        "1.6.8.2",
        "STATES",
        "Version 2.1 is named by the parameter; without it the latest that the server has is meant.",
        (
            f"{_MESSAGES}::test_a_media_type_of_the_standard_is_never_415",
            f"{_NEGOTIATION}::test_anything_else_is_answered_in_taxii_2_1",
        ),
    ),
    Clause(
        "1.6.8.2",
        "STATES",
        "The parameter has the form n.m, both of them decimal numbers.",
        (f"{_MESSAGES}::test_a_version_parameter_is_two_numbers_and_a_point_wherever_it_is_written",),
    ),
    Clause(
        "1.6.9",
        "STATES",
        "Without acceptable credentials an endpoint answers 401 with a challenge, whatever the method.",
        (_NOBODY, f"{_PROBLEMS}::test_every_401_has_its_challenges"),
    ),
    Clause(
        "1.6.9",
        "MAY",
        "Objects that the client is not authorised for are left out of any response.",
        (
            f"{_JOURNEY}::test_withheld_is_as_absent",
            f"{_APP}::test_withheld_and_non_existent_are_the_same_bytes",
        ),
    ),
    Clause("2", "MUST", "A boolean is the literal true or false.", (_SHAPES,)),
    Clause(
        "2",
        "MUST",
        "An identifier is a version 4 UUID.",
        (f"{_COLLECTIONS}::test_the_list_of_collections_is_the_resource_of_its_name", _STATUS),
    ),
    Clause("2", "MUST", "An integer fits a signed 54-bit value.", (_SHAPES, _STATUS)),
    Clause(
        "2",
        "MUST NOT",
        "A list is never written empty; without values an optional one is left out.",
        (f"{_TAXII}::test_no_resource_holds_an_empty_list_or_a_null", _STATUS),
    ),
    Clause(
        "2",
        "MUST",
        "A timestamp is RFC 3339 in UTC, with Z and six digits of a second.",
        (f"{_FILTERING}::test_without_filters_the_latest_of_everything_is_returned_oldest_first", _STATUS),
    ),
    # --- 3.1 endpoints ---
    Clause(
        "3.1",
        "MUST",
        "The path of a request ends in a slash. The hub serves both spellings and redirects neither.",
        binds="client",
    ),
    Clause("3.1", "MUST", "A success that permits a body carries the resource of its endpoint.", (_SHAPES,)),
    Clause(
        "3.1",
        "MAY",
        "An error carries an error message, except in answer to HEAD.",
        (
            f"{_ERRORS}::test_no_token_and_no_common_media_type_are_error_messages",
            f"{_MESSAGES}::test_head_is_get_without_the_body_at_every_endpoint",
        ),
    ),
    Clause("3.1", "MUST", "A request names a TAXII media range in Accept.", binds="client"),
    Clause("3.1", "SHOULD", "A request gives the version parameter.", binds="client"),
    Clause(
        "3.1",
        "MUST",
        "A response names media type and version in Content-Type.",
        (
            _SHAPES,
            f"{_NEGOTIATION}::test_a_real_mismatch_of_accept_is_406",
            f"{_PROBLEMS}::test_an_unknown_path_is_404_in_the_form_of_its_place",
        ),
    ),
    Clause(
        "3.1",
        "SHOULD",
        "Without a version in Accept the highest that the server has is sent.",
        (f"{_MESSAGES}::test_a_media_type_of_the_standard_is_never_406",),
    ),
    Clause(
        "3.1",
        "MUST NOT",
        "A media type in Accept that the endpoint defines is never answered by 406.",
        (f"{_MESSAGES}::test_a_media_type_of_the_standard_is_never_406",),
    ),
    Clause(
        "3.1",
        "MUST NOT",
        "A media type in Content-Type that the endpoint defines is never answered by 415.",
        (f"{_MESSAGES}::test_a_media_type_of_the_standard_is_never_415",),
    ),
    Clause(
        "3.1",
        "MAY",
        "Another media type in Accept is answered by the content or by 406.",
        (
            f"{_MESSAGES}::test_what_no_endpoint_speaks_is_406_and_does_nothing",
            f"{_NEGOTIATION}::test_anything_else_is_answered_in_taxii_2_1",
        ),
    ),
    Clause(
        "3.1",
        "MAY",
        "Another media type in Content-Type is taken or answered by 415.",
        (
            f"{_MESSAGES}::test_a_version_of_content_that_nobody_defined_is_415",
            f"{_NEGOTIATION}::test_every_name_of_json_is_taken",
        ),
    ),
    Clause("3.1", "MUST", "A POST has a valid Accept and a valid Content-Type.", binds="client"),
    Clause("3.1", "MUST", "Endpoints that filter do so as section 3.4 says.", (_PAIRS, _ALONE)),
    Clause(
        "3.1",
        "STATES",
        "The endpoints are these, each with its methods; another method is refused.",
        (_SHAPES, f"{_PROBLEMS}::test_a_method_that_is_not_offered_is_405_with_allow"),
    ),
    # --- 3.2 headers ---
    Clause("3.2", "SHOULD", "A client names itself in User-Agent.", binds="client"),
    Clause(
        "3.2",
        "MUST",
        "X-TAXII-Date-Added-First on a 200 of objects, object, manifest and versions is the timestamp of the "
        "first object in it.",
        (
            f"{_MESSAGES}::test_dates_are_told_where_objects_are_read_and_nowhere_else",
            f"{_PAGING}::test_the_dates_of_a_page_are_those_of_its_first_and_last_object",
            f"{_PAGING}::test_the_dates_of_one_object_and_of_its_versions_are_those_of_its_manifest",
            f"{_MESSAGES}::test_without_objects_there_is_no_date_to_tell",
        ),
        departs="A 200 without objects has no first object, and no such header: there is no date to give.",
    ),
    Clause(
        "3.2",
        "MUST",
        "X-TAXII-Date-Added-Last on the same answers is the timestamp of the last object in it.",
        (
            f"{_MESSAGES}::test_dates_are_told_where_objects_are_read_and_nowhere_else",
            f"{_PAGING}::test_the_dates_of_a_page_are_those_of_its_first_and_last_object",
            f"{_PAGING}::test_the_dates_of_one_object_and_of_its_versions_are_those_of_its_manifest",
            f"{_MESSAGES}::test_without_objects_there_is_no_date_to_tell",
        ),
        departs="As for the first: without objects there is none.",
    ),
    # --- 3.3 sorting ---
    Clause(
        "3.3",
        "MUST",
        "Objects and manifest entries come in ascending order of the date they were added.",
        (
            f"{_FILTERING}::test_without_filters_the_latest_of_everything_is_returned_oldest_first",
            f"{_PAGING}::test_what_is_added_later_comes_last_whatever_its_own_dates_say",
            f"{_INCREMENTAL}::test_whoever_comes_back_misses_nothing",
        ),
    ),
    Clause(
        "3.3",
        "MUST",
        "Collections come in the same order at every request.",
        (
            f"{_COLLECTIONS}::test_the_order_of_collections_does_not_change",
            f"{_PAGING}::test_collections_are_in_the_same_order_for_everybody",
        ),
    ),
    # --- 3.4 filtering ---
    Clause(
        "3.4",
        "STATES",
        "Without parameters everything is meant, but for the defaults of single ones.",
        (f"{_FILTERING}::test_without_filters_the_latest_of_everything_is_returned_oldest_first",),
    ),
    Clause(
        "3.4",
        "MUST",
        "A malformed parameter is answered by 400.",
        (
            _MALFORMED,
            f"{_ERRORS}::test_a_malformed_version_is_400",
            f"{_FILTERS}::test_what_is_malformed_is_refused_by_name",
        ),
    ),
    Clause(
        "3.4",
        "STATES",
        "added_after leaves only what was added later than it.",
        (_ALONE, f"{_POLL}::test_added_after_is_exclusive_to_the_microsecond"),
    ),
    Clause(
        "3.4",
        "MUST NOT",
        "added_after is not given twice; the hub answers 400.",
        (_MALFORMED, f"{_FILTERS}::test_a_repeated_parameter_is_refused_even_when_it_agrees"),
    ),
    Clause(
        "3.4", "MUST", "added_after holds a single timestamp; the hub answers a list by 400.", (_MALFORMED,)
    ),
    Clause(
        "3.4",
        "MUST",
        "Without added_after the oldest that match come first.",
        (f"{_FILTERING}::test_without_filters_the_latest_of_everything_is_returned_oldest_first", _PAGE),
    ),
    Clause(
        "3.4",
        "STATES",
        "added_after has nothing to do with dates inside an object.",
        (f"{_PAGING}::test_what_is_added_later_comes_last_whatever_its_own_dates_say",),
    ),
    Clause(
        "3.4", "MUST", "limit is an integer above zero; the hub answers anything else by 400.", (_MALFORMED,)
    ),
    Clause(
        "3.4",
        "STATES",
        "Without limit the server's own bound alone decides.",
        (f"{_PAGING}::test_without_limit_the_hubs_own_bound_alone_decides",),
    ),
    Clause("3.4", "MUST NOT", "A response never has more objects than limit asks for.", (_PAGE, _PAIRS)),
    Clause(
        "3.4",
        "MUST",
        "When limit and the server's own bound allow, all objects are in the response.",
        (_PAGE,),
    ),
    Clause(
        "3.4",
        "MAY",
        "A limit above what the server gives results in fewer objects.",
        (
            f"{_PAGING}::test_a_limit_above_the_hubs_own_gives_fewer_objects_and_says_that_more_follow",
            f"{_FILTERS}::test_a_limit_is_capped_however_large",
        ),
    ),
    Clause(
        "3.4",
        "MUST",
        "When objects are left over, by the client's bound or the server's, more is true.",
        (
            _PAGE,
            f"{_PAGING}::test_a_limit_above_the_hubs_own_gives_fewer_objects_and_says_that_more_follow",
            f"{_POLL}::test_a_page_ends_at_its_bytes_but_is_never_empty",
        ),
    ),
    Clause(
        "3.4",
        "STATES",
        "next continues the query that it was given for, together with the original filters.",
        (
            f"{_PAGING}::test_pages_by_next_are_the_whole",
            f"{_PAGING}::test_a_walk_goes_on_by_next_alone_with_the_filters_that_it_began_with",
            f"{_APP}::test_pages_follow_each_other_by_next_and_repeat_nothing",
        ),
    ),
    Clause(
        "3.4",
        "STATES",
        "next is opaque to the client.",
        (f"{_POLL}::test_a_cursor_tells_its_holder_nothing",),
    ),
    Clause("3.4", "MUST", "The match fields of each endpoint are supported.", (_ALONE, _PAIRS)),
    Clause(
        "3.4",
        "MUST NOT",
        "A match field is not given twice; the hub answers 400.",
        (_MALFORMED, f"{_FILTERS}::test_a_repeated_parameter_is_refused_even_when_it_agrees"),
    ),
    Clause(
        "3.4",
        "STATES",
        "All match fields hold together.",
        (_PAIRS, f"{_FILTERING}::test_all_filters_at_once_give_what_all_say"),
    ),
    Clause(
        "3.4",
        "MAY",
        "A server ignores match fields that it does not know. The hub refuses them: ignoring one would "
        "answer more than was asked.",
        (
            f"{_FILTERING}::test_a_field_that_nobody_defined_is_refused_by_name",
            f"{_FILTERS}::test_a_field_of_another_endpoint_is_refused",
        ),
    ),
    Clause(
        "3.4",
        "MAY",
        "A field holds several values between commas, and one of them is enough.",
        (_ALONE, f"{_FILTERING}::test_a_list_of_every_type_is_one_filter"),
    ),
    # --- 3.4.1 fields ---
    Clause(
        "3.4.1", "STATES", "match[id] selects by identifier, which for STIX is the STIX id.", (_ALONE, _PAIRS)
    ),
    Clause(
        "3.4.1",
        "MUST NOT",
        "With match[spec_version] no other specification version is in the response.",
        (_ALONE, f"{_POLL}::test_only_stix_21_is_there"),
    ),
    Clause(
        "3.4.1",
        "MUST",
        "Without match[spec_version] the latest specification version of each object is given.",
        (_ALONE, f"{_FILTERS}::test_without_parameters_the_last_versions_are_asked_for_a_page_long"),
    ),
    Clause("3.4.1", "STATES", "match[type] permits only the types that it names.", (_ALONE, _PAIRS)),
    Clause(
        "3.4.1", "MUST NOT", "No type of STIX 2.1 is an error.", (f"{_FILTERING}::test_no_type_is_an_error",)
    ),
    Clause(
        "3.4.1",
        "MAY",
        "A type that STIX 2.1 does not define is served.",
        (f"{_OBJECTS}::test_a_type_that_stix_does_not_define_is_taken_and_served",),
    ),
    Clause(
        "3.4.1",
        "MUST",
        "Without match[version] only the latest version of each object is given.",
        (
            f"{_FILTERING}::test_without_filters_the_latest_of_everything_is_returned_oldest_first",
            f"{_SUBMIT}::test_a_late_older_version_does_not_become_the_newest",
        ),
    ),
    Clause(
        "3.4.1",
        "MUST",
        "An object without `modified` is versioned by `created`.",
        (f"{_FILTERING}::test_what_has_no_modified_is_found_by_created_or_by_the_version_that_the_hub_gave",),
    ),
    Clause(
        "3.4.1",
        "SHOULD",
        "An object with neither has a version that the server gives consistently.",
        (
            f"{_OBJECTS}::test_a_version_that_the_hub_gave_is_the_same_wherever_it_is_told",
            f"{_SUBMIT}::test_an_observable_is_a_new_version_only_when_its_content_changes",
        ),
    ),
    Clause(
        "3.4.1",
        "MUST NOT",
        "A request names no version or keyword twice; the hub reads a repetition as one.",
        (f"{_FILTERING}::test_a_version_or_keyword_named_twice_is_named_once",),
    ),
    Clause(
        "3.4.1",
        "MAY",
        "Several versions are asked for at once.",
        (_ALONE, f"{_POLL}::test_versions_first_last_all_and_exact"),
    ),
    Clause(
        "3.4.1",
        "STATES",
        "`last` is the latest version and the default, `first` the earliest, `all` every one.",
        (_ALONE, f"{_POLL}::test_versions_first_last_all_and_exact"),
    ),
    Clause(
        "3.4.1",
        "MUST NOT",
        "`all` stands beside nothing else; the hub answers 400.",
        (f"{_ERRORS}::test_a_malformed_version_is_400",),
    ),
    Clause(
        "3.4.1",
        "MUST",
        "A version is a STIX timestamp, and matches `modified` exactly.",
        (
            f"{_FILTERING}::test_versions_a_microsecond_apart_are_two",
            f"{_ERRORS}::test_a_malformed_version_is_400",
        ),
    ),
    # --- 3.5 pagination ---
    Clause("3.5", "MUST", "more is true in the envelope while objects are left over.", (_PAGE,)),
    Clause(
        "3.5",
        "MAY",
        "next is given with it.",
        (_PAGE, f"{_TAXII}::test_next_is_there_exactly_when_more_follow"),
    ),
    Clause(
        "3.5",
        "STATES",
        "A walk by next meets every object once.",
        (
            f"{_PAGING}::test_pages_by_next_are_the_whole",
            f"{_POLL}::test_pages_of_any_size_give_everything_once_in_order",
        ),
    ),
    Clause(
        "3.5",
        "MAY",
        "A walk goes on by added_after with the last date; it meets every object once as well.",
        (
            f"{_PAGING}::test_pages_by_the_last_date_are_the_whole",
            f"{_JOURNEY}::test_incremental_polls_by_date_meet_every_object_once",
        ),
    ),
    Clause(
        "3.5",
        "STATES",
        "more may have been promised and nothing follow, when it was deleted meanwhile.",
        (f"{_PAGING}::test_more_may_be_promised_and_nothing_follow_when_it_was_deleted_meanwhile",),
    ),
    # --- 3.6 errors ---
    Clause(
        "3.6",
        "STATES",
        "Errors are those of HTTP, with a message of TAXII's form in the body.",
        (
            f"{_ERRORS}::test_no_token_and_no_common_media_type_are_error_messages",
            f"{_PROBLEMS}::test_a_refusal_under_taxii_is_a_taxii_error_message",
        ),
    ),
    Clause("3.6.1", "MUST", "An error message has a title.", (_MALFORMED, _UNKNOWN)),
    Clause(
        "3.6.1",
        "MUST",
        "Its http_status is text and agrees with the status line.",
        (_MALFORMED, f"{_ERRORS}::test_a_body_that_cannot_be_processed_is_an_error_message"),
    ),
    # --- 3.7 envelope ---
    Clause(
        "3.7",
        "MUST",
        "STIX content is answered in an envelope.",
        (_SHAPES, f"{_OBJECTS}::test_an_object_by_its_path_is_the_collection_filtered_by_its_id"),
    ),
    Clause("3.7", "STATES", "An absent more means false; the hub always writes it.", (_PAGE,)),
    Clause("3.7", "MAY", "next is there when more is true, as text; the hub gives it then alone.", (_PAGE,)),
    Clause(
        "3.7",
        "MUST",
        "What objects holds are STIX objects.",
        (
            f"{_OBJECTS}::test_what_is_added_is_read_as_it_was_sent_by_all_who_may",
            f"{_SUBMIT}::test_one_bad_item_never_takes_a_good_one_down",
        ),
    ),
    # --- 3.8, 3.9 ---
    Clause(
        "3.8",
        "MUST",
        "Names of properties and literals are the standard's to the letter.",
        (_SHAPES, _STATUS),
    ),
    Clause("3.8", "MUST", "Required properties are there.", (_SHAPES, _STATUS)),
    Clause("3.9", "MUST", "A DNS SRV record uses the service name taxii2, over tcp.", binds="operator"),
    # --- 4.1 discovery ---
    Clause("4.1", "STATES", "GET /taxii2/ answers the discovery resource.", (_SHAPES,)),
    Clause("4.1", "MAY", "API roots are advertised as far as permitted, also of other servers.", (_SHAPES,)),
    Clause(
        "4.1",
        "STATES",
        "401, 406 are its failures here.",
        (_NOBODY, f"{_MESSAGES}::test_what_no_endpoint_speaks_is_406_and_does_nothing"),
    ),
    Clause("4.1.1", "MUST", "title is there.", (_SHAPES,)),
    Clause(
        "4.1.1",
        "MUST",
        "default is one of api_roots.",
        (
            f"{_SERVER}::test_api_roots_are_https_without_a_query_and_lead_to_the_root_that_answers",
            f"{_TAXII}::test_discovery_names_one_absolute_api_root_that_is_the_default",
        ),
    ),
    Clause("4.1.1", "MAY", "A client uses the default API root.", binds="client"),
    Clause(
        "4.1.1",
        "MAY",
        "api_roots depends on the client. The hub has one for all.",
        (f"{_RIGHTS}::test_what_is_said_of_the_server_is_said_to_every_caller",),
    ),
    Clause(
        "4.1.1",
        "MUST",
        "API roots are absolute HTTPS URLs, or relative ones.",
        (f"{_SERVER}::test_api_roots_are_https_without_a_query_and_lead_to_the_root_that_answers",),
        departs="They have the scheme of public_url, which is http where a developer, or a test, sets it so.",
    ),
    Clause(
        "4.1.1",
        "MUST NOT",
        "A relative one begins with one slash alone, and none has a query.",
        (f"{_SERVER}::test_api_roots_are_https_without_a_query_and_lead_to_the_root_that_answers",),
    ),
    # --- 4.2 API root ---
    Clause(
        "4.2",
        "MUST",
        "Each API root has a URL of its own.",
        (f"{_SERVER}::test_api_roots_are_https_without_a_query_and_lead_to_the_root_that_answers",),
    ),
    Clause("4.2", "STATES", "GET on it answers the api-root resource.", (_SHAPES,)),
    Clause(
        "4.2",
        "STATES",
        "An unknown API root is 404.",
        (f"{_ERRORS}::test_an_unknown_api_root_is_404",),
    ),
    Clause("4.2.1", "MUST", "title, versions and max_content_length are there.", (_SHAPES,)),
    Clause(
        "4.2.1",
        "MUST",
        "versions are media types with their version parameter, TAXII 2.1 among them.",
        (f"{_SERVER}::test_the_api_root_names_its_versions_as_media_types_with_their_parameter",),
    ),
    Clause("4.2.1", "MUST", "max_content_length is a positive integer, in bytes.", (_SHAPES,)),
    Clause(
        "4.2.1",
        "MUST NOT",
        "A request that is smaller is never answered by 413.",
        (
            f"{_SERVER}::test_max_content_length_is_exact_to_the_byte",
            f"{_NEGOTIATION}::test_a_body_up_to_it_is_taken_whole",
        ),
    ),
    # --- 4.3 status ---
    Clause(
        "4.3",
        "STATES",
        "GET of a status answers the status resource.",
        (_SHAPES, f"{_SERVER}::test_a_status_is_got_again_as_it_was_given_and_by_its_submitter_alone"),
    ),
    Clause(
        "4.3",
        "SHOULD",
        "A status is served for at least 24 hours after its request was finished.",
        (f"{_SERVER}::test_a_status_is_kept_for_at_least_a_day",),
    ),
    Clause("4.3", "SHOULD NOT", "A complete status is not asked for again.", binds="client"),
    Clause(
        "4.3",
        "MUST",
        "A status that is not, or no longer, available is 404; so is another member's.",
        (
            f"{_SERVER}::test_a_status_that_is_not_there_is_404",
            f"{_SERVER}::test_a_status_is_got_again_as_it_was_given_and_by_its_submitter_alone",
            f"{_RIGHTS}::test_a_status_that_is_not_the_callers_is_404",
            f"{_SUBMIT}::test_the_receipt_is_the_submitters_alone",
        ),
    ),
    Clause(
        "4.3.1",
        "MUST",
        "status is complete or pending; the hub answers when it has decided, so always complete.",
        (_STATUS,),
    ),
    Clause(
        "4.3.1",
        "MUST",
        "total, success, failure and pending counts are there, and none is negative.",
        (_STATUS,),
    ),
    Clause("4.3.1", "STATES", "total_count is the number of objects in the request.", (_STATUS,)),
    Clause(
        "4.3.1",
        "STATES",
        "The counts and the lists of successes, failures and pendings agree.",
        (_STATUS, f"{_TAXII}::test_a_submission_is_202_with_a_status_whose_counts_agree"),
    ),
    Clause(
        "4.3.1",
        "STATES",
        "request_timestamp is the time of the request.",
        (f"{_SERVER}::test_a_status_is_got_again_as_it_was_given_and_by_its_submitter_alone",),
    ),
    Clause(
        "4.3.1",
        "MUST",
        "An entry names a STIX object by its id.",
        (_STATUS, f"{_SUBMIT}::test_items_keep_their_order_and_names_in_the_receipt"),
    ),
    Clause("4.3.1", "MAY", "An entry for what has no id of its own names it by any value.", (_STATUS,)),
    Clause("4.3.1", "MUST", "An entry's version is `modified`, or else `created`.", (_STATUS,)),
    Clause(
        "4.3.1",
        "SHOULD",
        "Without either it is a version that the server gives consistently.",
        (f"{_OBJECTS}::test_a_version_that_the_hub_gave_is_the_same_wherever_it_is_told",),
    ),
    # --- 5.1, 5.2 collections ---
    Clause("5.1", "MUST", "Failed authentication is 401 or 404 for the list of collections.", (_NOBODY,)),
    Clause(
        "5.1",
        "STATES",
        "GET answers the collections resource.",
        (f"{_COLLECTIONS}::test_the_list_of_collections_is_the_resource_of_its_name",),
    ),
    Clause(
        "5.1.1",
        "MUST",
        "Without collections the key is left out and the answer an empty object.",
        (
            f"{_COLLECTIONS}::test_the_list_of_collections_is_the_resource_of_its_name",
            f"{_TAXII}::test_auditors_and_operators_have_no_collections",
        ),
    ),
    Clause("5.2", "MUST", "Failed authentication is 401 or 404 for a collection.", (_NOBODY,)),
    Clause(
        "5.2",
        "STATES",
        "GET answers the collection resource, and 404 where there is none for the client.",
        (f"{_COLLECTIONS}::test_a_collection_is_the_same_alone_and_in_the_list_by_id_and_by_alias", _UNKNOWN),
    ),
    Clause(
        "5.2.1",
        "STATES",
        "id names the collection in every path.",
        (f"{_COLLECTIONS}::test_a_collection_is_the_same_alone_and_in_the_list_by_id_and_by_alias",),
    ),
    Clause(
        "5.2.1",
        "MUST",
        "An alias is unique within its API root.",
        (f"{_COLLECTIONS}::test_ids_aliases_and_titles_name_one_collection_each",),
    ),
    Clause(
        "5.2.1",
        "STATES",
        "An alias stands for the id in a path.",
        (f"{_TAXII}::test_a_collection_answers_to_its_id_and_its_alias", _RIGHT),
    ),
    Clause(
        "5.2.1",
        "STATES",
        "can_read tells whether the client gets objects, one object, and manifests.",
        (_RIGHT, f"{_RIGHTS}::test_the_collection_says_of_itself_what_its_endpoints_then_do"),
    ),
    Clause(
        "5.2.1",
        "STATES",
        "can_write tells whether the client adds objects.",
        (_RIGHT, f"{_RIGHTS}::test_the_collection_says_of_itself_what_its_endpoints_then_do"),
    ),
    Clause(
        "5.2.1",
        "MUST",
        "media_types has every media type that the collection can store.",
        (
            f"{_OBJECTS}::test_a_manifest_tells_of_each_object_what_the_object_says",
            f"{_SUBMIT}::test_stix_20_is_refused_with_the_way_out",
        ),
    ),
    Clause(
        "5.2.1",
        "STATES",
        "Without media_types STIX of any version is meant; the hub always writes them.",
        (f"{_COLLECTIONS}::test_every_collection_says_what_it_can_store",),
    ),
    # --- 5.3 manifests ---
    Clause("5.3", "MUST", "Failed authentication is 401 or 404 for a manifest.", (_NOBODY,)),
    Clause("5.3", "MUST", "Without can_read a manifest is 403 or 404.", (_RIGHT,)),
    Clause(
        "5.3",
        "STATES",
        "Filters are those of the objects, applied to the objects and not to their entries.",
        (_PAIRS, f"{_FILTERING}::test_filters_on_a_manifest_are_about_the_objects"),
    ),
    Clause(
        "5.3",
        "STATES",
        "Its parameters are added_after, limit, next and the four match fields.",
        (
            _ALONE,
            f"{_PAGING}::test_a_next_continues_the_resource_that_gave_it_and_no_other",
            f"{_PAGING}::test_a_next_that_was_not_given_is_refused",
        ),
    ),
    Clause(
        "5.3",
        "STATES",
        "application/stix+json may stand beside TAXII in Accept.",
        (f"{_MESSAGES}::test_a_media_type_of_the_standard_is_never_406",),
    ),
    Clause(
        "5.3.1",
        "MUST",
        "Without entries the list is left out, and the answer an empty object.",
        (
            f"{_OBJECTS}::test_nothing_to_return_is_a_resource_without_the_list",
            f"{_TAXII}::test_an_empty_page_leaves_the_list_out",
        ),
        departs="more stands in it as false, which its absence means too; clients read it.",
    ),
    Clause(
        "5.3.1",
        "STATES",
        "more is true while entries are left over; the hub always writes it.",
        (_PAGE,),
        departs="next stands in it where more is true: as_pages of taxii2-client follows it.",
    ),
    Clause(
        "5.3.1",
        "MUST",
        "An entry has id, date_added and version; the id is the STIX id.",
        (f"{_OBJECTS}::test_a_manifest_tells_of_each_object_what_the_object_says",),
    ),
    Clause(
        "5.3.1",
        "MUST",
        "The version is `modified`, or else `created`.",
        (f"{_OBJECTS}::test_a_manifest_tells_of_each_object_what_the_object_says",),
    ),
    Clause(
        "5.3.1",
        "SHOULD",
        "Without either it is a version that the server gives consistently.",
        (f"{_OBJECTS}::test_a_version_that_the_hub_gave_is_the_same_wherever_it_is_told",),
    ),
    Clause(
        "5.3.1",
        "MUST",
        "The media type of an entry is one of its collection's.",
        (f"{_OBJECTS}::test_a_manifest_tells_of_each_object_what_the_object_says",),
    ),
    # --- 5.4 objects ---
    Clause("5.4", "MUST", "Failed authentication is 401 or 404 for objects.", (_NOBODY,)),
    Clause("5.4", "MUST", "Without can_read objects are 403 or 404.", (_RIGHT,)),
    Clause(
        "5.4",
        "MUST",
        "Without objects the answer is an empty envelope.",
        (f"{_OBJECTS}::test_nothing_to_return_is_a_resource_without_the_list",),
        departs="more stands in it as false, as in a manifest.",
    ),
    Clause(
        "5.4",
        "STATES",
        "Its parameters are added_after, limit, next and the four match fields.",
        (_ALONE, _PAIRS),
    ),
    Clause("5.4", "STATES", "400, 401, 403, 404 and 406 are its failures.", (_MALFORMED, _RIGHT, _UNKNOWN)),
    # --- 5.5 adding ---
    Clause("5.5", "MUST", "Failed authentication is 401 or 404 for a POST.", (_NOBODY,)),
    Clause(
        "5.5",
        "MUST",
        "Without can_write a POST is 403 or 404.",
        (_RIGHT, f"{_OBJECTS}::test_who_may_not_write_to_a_collection_adds_nothing"),
    ),
    Clause(
        "5.5",
        "STATES",
        "A POST that is accepted is 202 with a status resource, whose id is that of section 4.3.",
        (_SHAPES, f"{_SERVER}::test_a_status_is_got_again_as_it_was_given_and_by_its_submitter_alone"),
    ),
    Clause(
        "5.5",
        "MUST NOT",
        "An exact duplicate of what is in the collection is no error.",
        (
            f"{_OBJECTS}::test_an_exact_duplicate_is_no_error_and_changes_nothing",
            f"{_SUBMIT}::test_the_same_version_again_succeeds_and_moves_no_date",
        ),
    ),
    Clause("5.5", "SHOULD", "A pending status is polled until it is complete.", binds="client"),
    Clause(
        "5.5",
        "MUST",
        "STIX content is delivered in an envelope. The hub reads bundles too.",
        binds="client",
    ),
    Clause(
        "5.5",
        "STATES",
        "413 is for a body above max_content_length.",
        (
            f"{_SERVER}::test_max_content_length_is_exact_to_the_byte",
            f"{_NEGOTIATION}::test_a_body_above_max_content_length_is_413",
        ),
    ),
    Clause(
        "5.5",
        "STATES",
        "415 is for content of a type that is not supported.",
        (f"{_NEGOTIATION}::test_another_content_type_is_415",),
    ),
    Clause(
        "5.5",
        "STATES",
        "400 is for what is not understood, 422 for what cannot be processed; an object fails in the status.",
        (
            f"{_ERRORS}::test_a_body_that_cannot_be_processed_is_an_error_message",
            f"{_ERRORS}::test_the_only_form_of_a_refused_object_is_its_entry_in_the_status",
            f"{_OBJECTS}::test_an_object_that_cannot_be_taken_takes_none_with_it",
        ),
    ),
    # --- 5.6 one object ---
    Clause(
        "5.6",
        "MUST",
        "The object in the path is named by its STIX id, as a match[id] would.",
        (f"{_OBJECTS}::test_an_object_by_its_path_is_the_collection_filtered_by_its_id",),
    ),
    Clause("5.6", "MUST", "Failed authentication is 401 or 404 for an object.", (_NOBODY,)),
    Clause("5.6", "MUST", "Without can_read an object is 403 or 404.", (_RIGHT,)),
    Clause(
        "5.6",
        "STATES",
        "match[version], and by its table match[spec_version], are the only match fields.",
        (
            f"{_OBJECTS}::test_an_object_by_its_path_takes_no_filter_but_of_versions",
            f"{_OBJECTS}::test_an_object_by_its_path_is_the_collection_filtered_by_its_id",
        ),
    ),
    Clause(
        "5.6",
        "MUST",
        "When filters leave nothing of it the answer is an empty envelope.",
        (
            f"{_OBJECTS}::test_filters_that_leave_nothing_of_an_object_give_an_empty_page_of_it",
            f"{_OBJECTS}::test_a_version_of_an_object_that_is_not_there_is_404",
            f"{_TAXII}::test_an_object_of_which_the_filters_match_nothing_is_an_empty_page",
        ),
        departs="more stands in it as false. And where match[version] names none that the client may see the "
        "answer is 404: so a deleted version must be answered (section 5.7), and withheld is as absent.",
    ),
    Clause(
        "5.6",
        "STATES",
        "404 is for an object that is not there, or not for this client.",
        (
            f"{_OBJECTS}::test_an_object_that_is_not_in_the_collection_is_404",
            f"{_TAXII}::test_an_object_that_is_not_to_be_seen_is_404_whatever_the_filters",
        ),
    ),
    # --- 5.7 deleting ---
    Clause(
        "5.7",
        "MUST",
        "The object in the path is named by its STIX id.",
        (_GONE, f"{_DELETING}::test_an_object_that_is_not_there_is_404"),
    ),
    Clause(
        "5.7",
        "STATES",
        "match[version], and by its table match[spec_version], say which versions; without them it is all.",
        (
            f"{_DELETING}::test_only_the_versions_that_are_asked_for_are_deleted",
            f"{_DELETING}::test_spec_version_narrows_what_is_deleted",
            f"{_DELETING}::test_a_filter_that_cannot_be_followed_is_400_and_deletes_nothing",
            _GONE,
        ),
    ),
    Clause(
        "5.7",
        "MUST",
        "After a 200 the object, or the version, is 404 to whoever gets it from the collection.",
        (
            _GONE,
            f"{_DELETING}::test_a_deleted_version_is_not_returned_by_its_name",
            f"{_DELETING}::test_another_members_record_of_the_id_stays",
            f"{_LIVE}::test_a_taxii_client_adds_gets_and_deletes",
        ),
        departs="A second member's record of the same id is another object to the hub, and stays.",
    ),
    Clause(
        "5.7",
        "MUST NOT",
        "After a 200 neither manifest nor contents of the collection hold it.",
        (_GONE, f"{_DELETING}::test_only_the_versions_that_are_asked_for_are_deleted"),
    ),
    Clause("5.7", "MAY", "It is gone from other collections too: from the aggregate it is.", (_GONE,)),
    Clause("5.7", "MUST", "Failed authentication is 401 or 404 for a DELETE.", (_NOBODY,)),
    Clause("5.7", "MUST", "With neither can_read nor can_write a DELETE is 404.", (_RIGHT,)),
    Clause("5.7", "MUST", "With can_read alone a DELETE is 403.", (_RIGHT, _NO_DELETE)),
    Clause("5.7", "MUST", "With can_write alone a DELETE is 403.", (_RIGHT,)),
    Clause("5.7", "STATES", "403 is for an object that the client sees and may not delete.", (_NO_DELETE,)),
    Clause(
        "5.7",
        "STATES",
        "404 is for an object that is not there, or not for this client.",
        (
            f"{_DELETING}::test_an_object_that_is_not_there_is_404",
            f"{_DELETING}::test_what_was_deleted_is_not_there_to_be_deleted_again",
        ),
    ),
    # --- 5.8 versions ---
    Clause("5.8", "MUST", "Failed authentication is 401 or 404 for versions.", (_NOBODY,)),
    Clause("5.8", "MUST", "Without can_read versions are 403 or 404.", (_RIGHT,)),
    Clause(
        "5.8",
        "MUST",
        "The version of an object without `modified` is `created`.",
        (
            f"{_OBJECTS}::test_versions_are_every_version_of_one_object_as_they_were_added",
            f"{_FILTERING}::test_what_has_no_modified_is_found_by_created_or_by_the_version_that_the_hub_gave",
        ),
    ),
    Clause(
        "5.8",
        "STATES",
        "Its parameters are added_after, limit, next and match[spec_version].",
        (
            f"{_OBJECTS}::test_versions_are_filtered_by_spec_version",
            f"{_PAGING}::test_pages_by_the_last_date_are_the_whole",
            f"{_PAGING}::test_a_next_that_was_not_given_is_refused",
        ),
    ),
    Clause(
        "5.8.1",
        "MUST",
        "Without versions the list is left out, and the answer an empty object.",
        (
            f"{_OBJECTS}::test_versions_are_filtered_by_spec_version",
            f"{_TAXII}::test_an_object_of_which_the_filters_match_nothing_is_an_empty_page",
        ),
        departs="more stands in it as false, as in a manifest.",
    ),
    Clause(
        "5.8.1",
        "STATES",
        "more is true while versions are left over; the hub always writes it.",
        (_PAGE,),
        departs="next stands in it where more is true, as in a manifest.",
    ),
    # --- 7, 8 and appendix B, as far as they are about the same endpoints ---
    Clause(
        "7.1.1",
        "SHOULD",
        "The name of a property of the server's own begins with x_.",
        (f"{_TAXII}::test_a_nations_member_is_listed_every_collection_and_writes_its_own",),
        departs="`aggregates` has the name that is proposed for TAXII 2.2, so that clients need not change.",
    ),
    Clause(
        "7.1.1",
        "MAY",
        "Properties of a resource that the server does not know are ignored.",
        (f"{_OBJECTS}::test_an_envelope_and_a_bundle_are_read_by_their_objects",),
    ),
    Clause(
        "8.2.1",
        "SHOULD NOT",
        "A request without User-Agent is not rejected.",
        (f"{_LIVE}::test_a_request_without_user_agent_and_accept_is_served_and_head_keeps_the_connection",),
    ),
    Clause(
        "8.2.2",
        "MUST",
        "Requests come over HTTPS, with TLS 1.2 or later: the proxy's part.",
        binds="operator",
    ),
    Clause(
        "8.2.2",
        "SHOULD",
        "HTTP Basic is implemented.",
        (f"{_IDENTITY}::test_every_spelling_of_a_token_is_read",),
    ),
    Clause(
        "B",
        "MUST NOT",
        "A next that comes back is not trusted: it is held against the query and the client again.",
        (
            f"{_PAGING}::test_next_is_good_for_the_query_and_the_reader_that_it_was_given_to",
            f"{_POLL}::test_an_altered_or_invented_cursor_is_refused",
        ),
    ),
)
