"""Every sentence and label of the console that is not made from data, in one place: English.

Templates say `t.NAME`. A translation is another module with the same names.
"""

from types import SimpleNamespace
from typing import Final

ENGLISH: Final = SimpleNamespace(
    product="Safeconduct console",
    skip="Skip to the content",
    overview="Overview",
    decisions="Decisions",
    matrix="Sharing matrix",
    trust="Trust",
    proposals="Proposals",
    log="Log",
    tasks="Tasks",
    log_out="Log out",
    log_in="Log in",
    log_in_lead="Log in with your passkey. Your account stands in the trust bundle, which two officers signed.",
    log_in_button="Log in with a passkey",
    no_script="Logging in needs JavaScript, because browsers offer passkeys to scripts alone. Reading does not.",
    enrol="Register a passkey",
    enrol_lead=(
        "A passkey that is registered here opens nothing yet. What comes out is a request; an officer proposes it, a "
        "second one signs, and from then on you can log in."
    ),
    enrol_code="The code that you were given",
    enrol_title="How the officers know you",
    enrol_done="Save this request and give it to an officer. It holds no secret. Read these digits over the telephone:",
    enrol_next="The officer then runs:",
    invite="Make a code for a colleague",
    invite_says="It holds once, for a quarter of an hour. Say it in person or over the telephone.",
    no_accounts="No account in the trust bundle has a passkey yet. The code for the first one is printed on the host.",
    search="Search",
    reset="Start again",
    older="Older",
    newest="Newest",
    export_csv="Export as CSV",
    export_json="Export as JSON",
    export_most=(
        "An export holds the %s newest of what was found; if there is more, the file's name says so. "
        "Search a shorter time to get the rest."
    ),
    part_counted="There are more records than are counted: these are counts over the %s newest.",
    recorded="That you look this up is recorded in the log: who and when; what for, as a digest only.",
    saved="Saved searches",
    empty_saved="You have saved no search. Search, give what you searched a name below, and it stands here.",
    save="Save this search",
    save_name="Its name",
    save_says="You alone see it. A name of a person, or of a case, does not belong there.",
    remove="Remove",
    empty_search="No record is such. Leave a condition out, or widen the time.",
    empty_flows="Nothing was decided in the last day. What agencies send to each other will show here as it happens.",
    empty_tasks="No glass was broken. When somebody sends by vital interest, its review is due here within 72 hours.",
    empty_leaks="No recipient has reported words that seem to identify somebody.",
    empty_matrix="No agreement is in force. Officers add one with: safeconduct bundle add-agreement",
    proof_holds="The proof holds",
    proof_fails="The proof does not hold",
    no_content="The console has no content: no broker holds a key that opens a message.",
    ceremonies=(
        "Changes are proposed and signed on the officers' own machines, with keys that never come here. What an "
        "officer hands in stands on the screen Proposals."
    ),
    proposals_lead=(
        "What officers have proposed and is not in force yet. Each one was checked when it came: its form, its "
        "signatures, and its rehearsal, which was made again here."
    ),
    empty_proposals=(
        "Nothing is proposed. An officer proposes on their own machine, for instance with: safeconduct bundle "
        "add-agreement WORK agreement.yaml --as YOUR_FOLDER. Then the file WORK/proposal.json can be handed in here, "
        "for the second officer to read and sign."
    ),
    hand_in="Hand a proposal in",
    hand_in_file="The file proposal.json of your common folder",
    hand_in_says=(
        "It is checked and rehearsed first, which may take a minute. A copy with a new signature replaces the old one."
    ),
    own_machine=(
        "This page is this broker's word. What you sign is what your own machine shows you: compare these digits with "
        "those that it prints, and with the other signer's."
    ),
    not_policy="Nothing in it changes who may get what, so there is nothing to rehearse.",
    no_past="This broker has no record of a decision yet, so past traffic tells nothing.",
    sign_lead="Your key stays with you. On your own machine, where WORK is the officers' common folder:",
    hand_back="Hand the signed file in on the screen Proposals, so that the other one sees it.",
    complete="Both have signed. One of them puts it into force, where the broker's folder can be reached:",
    discard="Take it off the console",
    discard_says="The proposal stays in the officers' folder. What is in force does not change.",
    check_lead=(
        "The full check reads the whole log, all records that are held and what waits, and names the first break. It "
        "takes seconds for thousands of leaves, and minutes for millions."
    ),
    check_button="Check the whole log now",
    no_witnesses="The trust bundle names no witnesses, so no head of this log is final.",
    not_final="No head is final yet: too few of the witnesses that the trust bundle names have cosigned one.",
    never_checked="The log was not checked since this console started.",
)
