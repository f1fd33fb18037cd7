"""Sizes, counts and times of the bus, each with the reason for its number."""

from typing import Final

MAX_PAYLOAD: Final = 8 * 1024 * 1024  # server limit for one message: twice `messages.limits.ENVELOPE_BYTES`
BATCH_MESSAGES: Final = 1_000  # the server's own limit for one atomic batch (error 10199 above it)
BATCH_BYTES: Final = 32 * 1024 * 1024  # of one atomic batch: the server holds a batch in memory until it is committed
PENDING_BYTES: Final = 64 * 1024 * 1024  # what the server buffers for a slow reader: several whole pulls of large views

REQUEST_SECONDS: Final = 5.0  # for one answer of the server, fsync of a large batch on a busy disk included
RETRY_SECONDS: Final = 15.0  # altogether, for what may safely be tried again: a leader election takes 2 to 10 s
CLOSE_SECONDS: Final = 2.0  # for what is on its way to a queue that closes; what comes later waits for its time
RETRY_PAUSE: Final = 0.1  # first pause between two tries; doubles up to 1 s
BEGIN_SECONDS: Final = 30.0  # the same for a broker that starts, maybe while all servers of a cluster do
CONNECT_SECONDS: Final = 10.0  # for the first connection; after that reconnecting never ends
RECONNECT_PAUSE: Final = 0.25  # between two tries to reconnect: an embedded server restarts in less
START_SECONDS: Final = 30.0  # for nats-server to be ready: it reads its whole store first
STOP_SECONDS: Final = 10.0  # for nats-server to stop by itself before it is killed
POLL_SECONDS: Final = 0.01  # between two looks at a file that nats-server is about to write

LINGER_SECONDS: Final = 0.02  # how long a pull waits for the rest of a batch the server says is coming
ACK_SECONDS: Final = 5.0  # a submission not acknowledged by then goes to another worker: a batch takes 0.1 s
ACK_DELIVERY_SECONDS: Final = 30.0  # a view not journaled by then goes to another device of the same contact
ACK_PENDING_WORKERS: Final = 20_000  # submissions in the hands of all workers together: fifty workers of four batches
PER_SUBJECT: Final = 250  # submissions of one agency and kind that may wait, a quarter second of work; more is refused
INTAKE_BATCH: Final = 100  # submissions asked for at once from an agency that is alone about
INTAKE_HELD: Final = 1_000  # submissions in one worker's hands altogether: a second of work, a fifth of ACK_SECONDS
INTAKE_BYTES: Final = 2 * MAX_PAYLOAD  # of one agency in one worker's hands: less than MAX_PAYLOAD would never come
INTAKE_ROUND: Final = 5.0  # between two looks at every agency's pull, should the word that one has ended be lost
INTAKE_SECONDS: Final = 60.0  # life of a worker's open pull; one for each agency and lane
COMPANY_SECONDS: Final = 60.0  # for which an agency that handed something in counts as about: it may again at any time
COMPANY_BATCH: Final = 2  # submissions of one agency in a batch for which the others wait, if they have less
BATCH_SECONDS: Final = 0.1  # that a batch may take, by the pace of those before: so long waits who comes next
COMPANY_ASKED: Final = 10  # submissions asked for at once from an agency that is not alone about: some small batches
REST_SECONDS: Final = 2.0  # since a message of others: who sends more rarely waits for one small batch at most
REST: Final = 7.0  # times as long as its batch took a full queue leaves a worker to the others
REST_URGENT: Final = 1.0  # the same of what is urgent
RATE_NORMAL: Final = (500.0, 5_000.0)  # submissions a second of one agency at one worker, and at once
RATE_URGENT: Final = (20.0, 200.0)  # the same of what is handed in as urgent: overtaking is for few
CONSUMERS: Final = 100_000  # of one stream; without a number of ours the server (2.15) stops at 1,000: 500 contacts
ACK_PENDING_CONTACT: Final = 1_000  # views in the hands of one contact's devices together
WAITING_PULLS: Final = 512  # pull requests open at once on one consumer
PULL_SECONDS: Final = 25.0  # life of an adapter's open pull; below the two minutes an account border remembers a reply
LANE_BATCH: Final = 32  # views an adapter asks for at once: enough for a round trip, few enough to share among devices
ASKS_AT_ONCE: Final = 64  # requests of adapters answered at the same time by one worker
ASKS_OF_AGENCY: Final = 8  # of them in hand for one agency: whoever floods is told at once that it was too much
ANSWERS_WAITING: Final = 10_000  # answers an adapter keeps before it loses some; it can ask again by submitting again

LOGIN_SECONDS: Final = (
    300  # life of a login; its holder logs in again. What a revocation that nobody could carry out costs
)
LOGIN_SPREAD: Final = 30  # by up to so much shorter, so that those who came together do not come together again
AUTH_SECONDS: Final = 2  # for the callout to answer the server about one login
CLOCK_SECONDS: Final = 60  # how far the clocks of a server and of the callout may lie apart
TLS_SECONDS: Final = 5  # for a TLS handshake
CUT_SECONDS: Final = 5.0  # altogether, to find and close the connections of a revoked login on all servers
SWEEP_SECONDS: Final = 1.0  # for all servers to list their connections
OVERRUN_LOOK: Final = 0.25  # seconds between two looks at how much the servers are handed
SENT: Final = (3_000.0, 4_000.0)  # pieces an agency may hand them a second, and at once, whatever becomes of them
SENT_FULL: Final = (1_000.0, 2_000.0)  # the same while its queue is full: an adapter waits then
SENT_BYTES: Final = (14.0 * 2**20, 16.0 * 2**20)  # bytes of them: each is on a disk before anybody's next piece
SENT_BY_US: Final = (700.0, 800.0)  # what one adapter of ours submits at most, so that it is never cut off
SENT_BY_US_URGENT: Final = (150.0, 200.0)  # of what is urgent, besides
TURNED_AWAY: Final = 20  # pieces that one counts for besides of what an adapter submits and is not taken
SHUT_SECONDS: Final = 30.0  # for which a login is shut out that went beyond: doubles each time
SHUT_LONGEST: Final = 300.0  # and no longer than this: an urgent message may be waiting behind a fault
KNOCK_SECONDS: Final = 1.0  # for which the answer to a login that is shut out is kept back: less than AUTH_SECONDS
KNOCKING: Final = 1_000  # such answers kept back at one time; more are answered at once
REFUSED_PAUSE: Final = 30.0  # longest pause between two tries of a login that is refused; begins at RECONNECT_PAUSE
REFUSED_SECONDS: Final = 3600.0  # a login refused for so long gives up: longer than a restart of all workers

DUPLICATE_SECONDS: Final = 0.1  # of SUBMIT, the server's minimum: only `entry.…` decides what is a repeat
DEAD_KEPT: Final = 10_000  # dead letters kept for the operator; the oldest go
HEADS_KEPT: Final = 1_000  # checkpoints kept: enough for a witness that was away for days
READ_BATCH: Final = 500  # messages in one batched direct get; the server's limit is 1,024
