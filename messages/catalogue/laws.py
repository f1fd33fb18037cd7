"""Content laws: what must hold between the fields of one object. Named in the data files under `laws`.

Each names fields in its one sentence, never values. `Law.says` is what it demands, in words for docs/catalogue.md and
for the JSON Schemas, which cannot say these things. What must hold between several objects is in `across.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from messages.catalogue import laws_of_people as people
from messages.catalogue import laws_of_things as things
from messages.catalogue.law import Law

_PRECISION: Final = "A place names nothing smaller than its precision says, and coordinates are a street or point."
_HASHES: Final = "A digest has the length of its algorithm."

LAWS: Final[Mapping[str, Law]] = MappingProxyType(
    {
        "palermo-means": Law(
            "At least one means, unless a victim of the event is a child.",
            "Palermo Protocol art. 3(c)",
            people.palermo_means,
        ),
        "dates-in-order": Law("date_to is not before date_from.", "", things.in_order("date_from", "date_to")),
        "seen-in-order": Law("last_seen is not before first_seen.", "", things.in_order("first_seen", "last_seen")),
        "no-small-cell": Law(
            "No cell under eleven; a suppressed cell carries no value; dp needs epsilon; a second release needs dp.",
            "R-32; CTDC k = 11",
            people.no_small_cell,
        ),
        "consent-or-reason": Law(
            "A consent, or one listed reason that fits the person and the priority.", "R-07", people.consent_or_reason
        ),
        "anonymous-is-anonymous": Law(
            "An anonymous notification carries no field of the sealed part.", "R-26", people.anonymous_is_anonymous
        ),
        "band-fits-adult-child": Law("age_band and adult_child fit each other.", "R-02", people.band_fits_adult_child),
        "identifier-fits-kind": Law(
            "The value has the form of its kind.", "E.164, 3GPP, RFC 5321", things.identifier_fits_kind
        ),
        "indicator-numbers": Law(
            "The number of an indicator exists in its dimension.",
            "ILO and European Commission 2009",
            people.indicator_numbers,
        ),
        "consent-is-timed": Law(
            "A consent ends after it begins, and is not withdrawn before.",
            "34 USC 12291(b)(2)",
            people.consent_is_timed,
        ),
        "named-are-named": Law(
            "named_recipients go with disclose_to named.", "Primero consent form", people.named_are_named
        ),
        "precision-place": Law(_PRECISION, "R-05", things.precision_is_honest("place")),
        "precision-address": Law(_PRECISION, "R-05", things.precision_is_honest("address")),
        "precision-victim-places": Law(
            _PRECISION, "R-05", things.precision_is_honest("mailing_address", "current_location")
        ),
        "precision-suspect-places": Law(_PRECISION, "R-05", things.precision_is_honest("addresses", "place_of_birth")),
        "precision-site": Law(_PRECISION, "R-05", things.precision_is_honest("site")),
        "precision-journey": Law(_PRECISION, "R-05", things.precision_is_honest("from", "to")),
        "precision-seizure": Law(_PRECISION, "R-05", things.precision_is_honest("seized_place")),
        "precision-protected-places": Law(_PRECISION, "R-05", things.precision_is_honest("protected_places")),
        "precision-sightings": Law(_PRECISION, "R-05", things.sightings_are_honest),
        "minor-is-said": Law(
            "is_minor is true or unknown where dob may mean under 18, in every part.", "R-02", people.minor_is_said
        ),
        "no-shelter": Law("A shelter is never carried as a location.", "R-21", things.no_shelter),
        "presence-in-order": Law("seen_to is not before seen_from.", "", things.in_order("seen_from", "seen_to")),
        "vehicle-is-told": Law("A plate, a vin, a make or a model.", "", things.vehicle_is_told),
        "plate-has-country": Law(
            "plate_country goes with plate.", "Vienna Convention on Road Traffic", things.plate_has_country
        ),
        "journey-is-told": Law("from or to.", "", things.journey_is_told),
        "data-authorisation": Law(
            "authorised_until is given for traffic and content data, is not before created, and the period ends by it.",
            "Regulation (EU) 2023/1543; CATALOGUE A21: expired authorisation is refused at ingress",
            things.authorisation_holds("period"),
        ),
        "surveillance-authorisation": Law(
            "authorised_until is not before created, and nothing was observed after it.",
            "CATALOGUE A21: expired authorisation is refused at ingress; UNTOC art. 20",
            things.authorisation_holds("observed_from", "observed_to"),
        ),
        "observed-in-order": Law(
            "observed_to is not before observed_from.", "", things.in_order("observed_from", "observed_to")
        ),
        "no-capture-of-a-child": Law(
            "No capture where the person seems to be a minor.", "R-24", things.no_capture_of_a_child
        ),
        "abuse-material-stays": Law(
            "A file is carried only where contains_csam and, for pictures and films, intimate_or_child say no, or it is"
            " a released portrait; then media_type and size are given.",
            "R-24",
            things.abuse_material_stays,
        ),
        "sha256-is-there": Law(
            "A SHA-256 among the hashes, unless the exhibit is physical; MD5 and SHA-1 never alone.",
            "CATALOGUE A18; RFC 8493",
            things.sha256_is_there,
        ),
        "hashes-fit-exhibit": Law(_HASHES, "FIPS 180-4, FIPS 202", things.hashes_fit("hashes")),
        "hashes-fit-capture": Law(_HASHES, "FIPS 180-4, FIPS 202", things.hashes_fit("capture_hash")),
        "hashes-fit-custody": Law(
            _HASHES, "FIPS 180-4, FIPS 202", things.hashes_fit("hash_before", "hash_after", "prev_event_hash")
        ),
        "hashes-fit-document": Law(_HASHES, "FIPS 180-4, FIPS 202", things.hashes_fit("document_hash")),
        "document-in-order": Law("expires is not before issued.", "", things.in_order("issued", "expires")),
        "mrz-checks": Law(
            "The check digits of mrz hold and its number is number, unless the document is forged or counterfeit.",
            "ICAO 9303",
            things.mrz_checks,
        ),
        "lei-checks": Law("The check digits of lei hold.", "ISO 17442, ISO 7064 MOD 97-10", things.lei_checks),
        "identifier-fits-asset": Law(
            "The identifier has the form of its kind; the check digits of an IBAN hold.",
            "ISO 13616, ISO 7064 MOD 97-10",
            things.identifier_fits_asset,
        ),
        "no-more-than-found": Law("No part of the workers is more than workers_found.", "", people.no_more_than_found),
        "child-is-accompanied": Law(
            "The interview of a child says whether a guardian and a support person were there.",
            "18 USC 3509(d); Directive 2012/29/EU art. 24",
            people.child_is_accompanied,
        ),
        "child-has-redacted-copy": Law(
            "The document of a child's interview has a redacted version beside it.",
            "R-25",
            people.child_has_redacted_copy,
        ),
        "statement-fits-maker": Law(
            "Who makes a statement has a category that fits its kind.", "R-01, R-15", people.statement_fits_maker
        ),
        "custody-links": Law(
            "prev_event_hash is all zeros for the first event, and for no other.", "ISO/IEC 27037", things.custody_links
        ),
        "custody-parties": Law(
            "A passage from one party to another names both.", "NIEM j:CustodyTransferType", things.custody_parties
        ),
        "custody-change": Law(
            "A hash that changed is explained: who, what and why.", "ISO/IEC 27037", things.custody_change
        ),
        "provided-in-order": Law(
            "provided_to is not before provided_from.", "", things.in_order("provided_from", "provided_to")
        ),
        "outcome-is-told": Law(
            "reject_reason goes with rejected, closure_reason with a closed case.", "Primero", people.outcome_is_told
        ),
        "measure-in-order": Law("expires_on is not before issued_on.", "", things.in_order("issued_on", "expires_on")),
        "offences-are-coded": Law(
            "From the charge on at least one offence; each has a national or a uniform code.",
            "CATALOGUE A27",
            people.offences_are_coded,
        ),
        "order-is-named": Law(
            "An order that was issued has its kind, and heads of damage have a restitution.",
            "CATALOGUE A27",
            people.order_is_named,
        ),
    }
)
