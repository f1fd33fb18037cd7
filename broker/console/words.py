"""Every sentence and label of the console that is not made from data, through gettext.

English is the source: here, in the templates (`_("…")`, `{% trans %}`), and where a module of the console says `mark`.
`python -m tests.console.catalogue` collects them into locale/console.pot; a language is a compiled catalogue,
locale/LANGUAGE/LC_MESSAGES/console.mo. Names, codes, sentences of rules and records, and errors of other
parts are data.
"""

import gettext
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from messages.errors import BadInput

LOCALE: Final = Path(__file__).parent / "locale"
DOMAIN: Final = "console"
SOURCE: Final = "en"
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?", re.ASCII)


def mark(text: str) -> str:
    """The text itself; whoever collects the texts of the catalogue finds it by this."""
    return text


ENGLISH: Final = SimpleNamespace(
    product=mark("Safeconduct console"),
    skip=mark("Skip to the content"),
    overview=mark("Overview"),
    decisions=mark("Decisions"),
    matrix=mark("Sharing matrix"),
    trust=mark("Trust"),
    proposals=mark("Proposals"),
    log=mark("Log"),
    tasks=mark("Tasks"),
    log_out=mark("Log out"),
    log_in=mark("Log in"),
    log_in_lead=mark("Log in with your passkey. Your account stands in the trust bundle, which two officers signed."),
    log_in_button=mark("Log in with a passkey"),
    no_script=mark("Logging in needs JavaScript, because browsers offer passkeys to scripts alone. Reading does not."),
    enrol=mark("Register a passkey"),
    enrol_lead=mark(
        "A passkey that is registered here opens nothing yet. What comes out is a request; an officer proposes it, a "
        "second one signs, and from then on you can log in."
    ),
    enrol_code=mark("The code that you were given"),
    enrol_title=mark("How the officers know you"),
    enrol_done=mark(
        "Save this request and give it to an officer. It holds no secret. Read these digits over the telephone:"
    ),
    enrol_next=mark("The officer then runs:"),
    invite=mark("Make a code for a colleague"),
    invite_says=mark("It holds once, for a quarter of an hour. Say it in person or over the telephone."),
    no_accounts=mark(
        "No account in the trust bundle has a passkey yet. The code for the first one is printed on the host."
    ),
    search=mark("Search"),
    reset=mark("Start again"),
    older=mark("Older"),
    newest=mark("Newest"),
    export_csv=mark("Export as CSV"),
    export_json=mark("Export as JSON"),
    export_most=mark(
        "An export holds the %s newest of what was found; if there is more, the file's name says so. "
        "Search a shorter time to get the rest."
    ),
    part_counted=mark("There are more records than are counted: these are counts over the %s newest."),
    recorded=mark("That you look this up is recorded in the log: who and when; what for, as a digest only."),
    saved=mark("Saved searches"),
    empty_saved=mark("You have saved no search. Search, give what you searched a name below, and it stands here."),
    save=mark("Save"),
    save_name=mark("Save this search as"),
    save_says=mark("You alone see it. A name of a person, or of a case, does not belong there."),
    remove=mark("Remove"),
    no_passkey=mark("No passkey was used. Try again."),
    empty_search=mark("No record is such. Leave a condition out, or widen the time."),
    empty_stretch=mark("Of the records looked through up to here none is such; nothing says that no older one is."),
    empty_flows=mark(
        "Nothing was decided in the last day. What agencies send to each other will show here as it happens."
    ),
    empty_clocks=mark("No message waits whose urgency or kind asks to be opened by some time."),
    empty_tasks=mark(
        "No glass was broken. When somebody sends by vital interest, its review is due here within 72 hours."
    ),
    empty_deletions=mark(
        "Nobody owes a word. When a consent is withdrawn or a message recalled, whoever holds a copy has to confirm "
        "that it is gone; until then it stands here."
    ),
    empty_requests=mark("Every request for information that the log knows has been followed by an answer."),
    requests_says=mark(
        "No answer has gone from the asked agency to the asking one since. The log does not say which answer is to "
        "which request, nor until when one is due: that stands in the messages."
    ),
    empty_rejected=mark("No recipient has rejected a view, and the broker failed on no submission."),
    empty_leaks=mark("No recipient has reported words that seem to identify somebody."),
    empty_matrix=mark("No agreement is in force. Officers add one with: safeconduct bundle add-agreement"),
    proof_holds=mark("The proof holds"),
    proof_fails=mark("The proof does not hold"),
    packet_lead=mark(
        "One file for a court, a defence or an inspector: all records of this message with their proofs, the signed "
        "answer to its sender, cosigned heads, and the part of the trust bundle that says who everybody was. It is "
        "checked offline, without trusting this broker:"
    ),
    packet_button=mark("Export the packet"),
    packet_lacks=mark(
        "It holds no envelope and no view, for a broker has none for anybody. Sender and recipients export packets "
        "that do, with: safeconduct packet export"
    ),
    no_content=mark("The console has no content: no broker holds a key that opens a message."),
    ceremonies=mark(
        "Changes are proposed and signed on the officers' own machines, with keys that never come here. What an "
        "officer hands in stands on the screen Proposals."
    ),
    proposals_lead=mark(
        "What officers have proposed and is not in force yet. Each one was checked when it came: its form, its "
        "signatures, and its rehearsal, which was made again here."
    ),
    empty_proposals=mark(
        "Nothing is proposed. An officer proposes on their own machine, for instance with: safeconduct bundle "
        "add-agreement WORK agreement.yaml --as YOUR_FOLDER. Then the file WORK/proposal.json can be handed in here, "
        "for the second officer to read and sign."
    ),
    hand_in=mark("Hand a proposal in"),
    hand_in_file=mark("The file proposal.json of your common folder"),
    hand_in_says=mark(
        "It is checked and rehearsed first, which may take a minute. A copy with a new signature replaces the old one."
    ),
    own_machine=mark(
        "This page is this broker's word. What you sign is what your own machine shows you: compare these digits with "
        "those that it prints, and with the other signer's."
    ),
    not_policy=mark("Nothing in it changes who may get what, so there is nothing to rehearse."),
    no_past=mark("This broker has no record of a decision yet, so past traffic tells nothing."),
    sign_lead=mark("Your key stays with you. On your own machine, where WORK is the officers' common folder:"),
    hand_back=mark("Hand the signed file in on the screen Proposals, so that the other one sees it."),
    complete=mark("Both have signed. One of them puts it into force, where the broker's folder can be reached:"),
    discard=mark("Take it off the console"),
    discard_says=mark("The proposal stays in the officers' folder. What is in force does not change."),
    check_lead=mark(
        "The full check reads the whole log, all records that are held and what waits, and names the first break. It "
        "takes seconds for thousands of leaves, and minutes for millions."
    ),
    check_button=mark("Check the whole log now"),
    no_witnesses=mark("The trust bundle names no witnesses, so no head of this log is final."),
    no_alarms=mark(
        "The trust bundle names no address to which alarms go; officers add one, best outside the operator."
    ),
    no_holds=mark(
        "No record is held. Where a court or a prosecutor needs some beyond their time, an officer holds them: "
        "safeconduct audit hold MESSAGE --ground court-order --until DAY --officer FOLDER --home BROKER"
    ),
    no_raised=mark(
        "No adapter has raised an alarm in the last day. Each of them checks the log and the trust bundle by itself."
    ),
    raised_says=mark(
        "Raised within the last day; what lasts is raised every hour. Telephone the agency, at a number that you have "
        "not from here: its own log says what it saw. A broker that lies can leave an alarm out of this list."
    ),
    not_final=mark("No head is final yet: too few of the witnesses that the trust bundle names have cosigned one."),
    never_checked=mark("The log was not checked since this console started."),
)
"""Texts that templates call `t.NAME`."""

WORDS: Final = (
    # roles
    mark("officer"), mark("auditor"), mark("administrator"),
    # forms of a record
    mark("submission"), mark("decision"), mark("retrieval"), mark("trust"), mark("act"),
    # how a message, a mandate, a task or an act came out, or stands
    mark("permitted"), mark("refused"), mark("accepted"), mark("retrieved"), mark("undelivered"), mark("unretrieved"),
    mark("in force"), mark("soon"), mark("later"), mark("ended"), mark("revoked"), mark("suspended"),
    mark("open"), mark("overdue"), mark("justified"), mark("unjustified"), mark("training"),
    mark("kept-aside"), mark("handed-over"), mark("withdrawn"), mark("erased"), mark("not-here"), mark("impossible"),
    mark("recalled"), mark("corrected"), mark("rejected"), mark("recall-confirmed"), mark("deleted"),
    mark("contact"), mark("deputies"), mark("duty-desk"), mark("sender"),
    mark("known-already"), mark("false-alarm"), mark("vital-interest"),
    mark("logged-in"), mark("searched"), mark("viewed"), mark("exported"), mark("handed-in"), mark("reviewed"),
    mark("fetched"), mark("discarded"), mark("saved"), mark("forgotten"), mark("expired"),
    # why a record is held
    mark("court-order"), mark("prosecutors-order"), mark("pending-proceedings"), mark("supervisory-authority"),
    mark("held"), mark("released"),
    # what an adapter has noticed
    mark("log-differs"), mark("log-not-proved"), mark("log-shorter"), mark("log-unwitnessed"), mark("not-in-log"),
    mark("epoch-missed"), mark("bundle-differs"), mark("bundle-refused"), mark("evidence-missing"),
    # whose key a contact's is, and its duties
    mark("person"), mark("service"), mark("release"), mark("review"),
    # whether an identity may go along
    mark("never"), mark("right"), mark("with consent"), mark("with release"),
    # signs of misuse
    mark("refusals"), mark("probing"), mark("volume"), mark("fan-out"), mark("break-glass"), mark("look-ups"),
    mark("exports"),
)  # fmt: skip
"""Words of data that have a meaning for everybody; shown through the catalogue, and kept in English."""


class Words:
    """The texts in one language."""

    def __init__(self, language: str = SOURCE) -> None:
        """Raises `BadInput` for a language that has no catalogue."""
        self.language = language
        self.catalogue: gettext.NullTranslations = gettext.NullTranslations()
        if language != SOURCE:
            try:
                if not _LANGUAGE.fullmatch(language):
                    raise FileNotFoundError
                self.catalogue = gettext.translation(DOMAIN, LOCALE, [language])
            except (OSError, ValueError):
                raise BadInput(
                    f"The console has no catalogue of this language; it has: {', '.join(languages())}."
                ) from None

    def say(self, text: str) -> str:
        """The text in this language; in English where the catalogue lacks it."""
        return self.catalogue.gettext(text) if text else ""  # "" is where a catalogue keeps its own header

    def __getattr__(self, name: str) -> str:
        return self.say(getattr(ENGLISH, name))


def languages() -> list[str]:
    """Those that there is a catalogue of."""
    return sorted({SOURCE, *(path.parents[1].name for path in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))})
