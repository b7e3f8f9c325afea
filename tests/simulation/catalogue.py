"""Every fault that the simulation knows, by name: the list of an engineer who distrusts AWS, the network and himself.

A fault says how often it happens when its rate is normal and when it is extreme: as a share of the calls, events,
launches or minutes that it can befall. One without rates comes about by itself when others meet, and is counted where
it is seen. The numbers 1 to 82 are those of the list of faults by AWS call that the design was made with; letters are
the faults that any call can meet.
"""

from __future__ import annotations

from enum import Enum


class Fault(Enum):
    """One way in which the world goes wrong."""

    def __init__(self, number: str, what: str, normal: float = 0.0, extreme: float = 0.0) -> None:
        self.number = number
        self.what = what
        self.normal = normal
        self.extreme = extreme

    # --- any call -------------------------------------------------------------------------------------------------
    CALL_REFUSED = "a", "an error before the call has any effect", 0.01, 0.2
    REPLY_LOST = "b", "the call takes effect, its reply is lost", 0.01, 0.25
    APPLIED_LATE = "c", "the call takes effect up to two minutes after its caller gave up", 0.01, 0.2
    TIMEOUT_WITHOUT_EFFECT = "d1", "no answer for 30 s, and no effect", 0.005, 0.1
    TIMEOUT_WITH_EFFECT = "d2", "no answer for 30 s, though the call took effect", 0.005, 0.1
    THROTTLED = "e", "too many calls, says the service", 0.02, 0.3
    SERVER_ERROR = "f", "a 5xx after the effect", 0.005, 0.1
    CREDENTIALS_EXPIRED = "g", "every call of a replica is denied for some minutes", 0.00002, 0.0002
    KILLED_BEFORE_A_CALL = "h1", "the process is killed before a call", 0.0002, 0.004
    KILLED_AFTER_A_CALL = "h2", "the process is killed after a call took effect, before it knows", 0.0002, 0.004
    PAUSED = "i", "the process stands still for up to 4,000 s between a reading and what it does with it", 0.0002, 0.002
    SLOW = "j", "an answer takes up to half a minute", 0.01, 0.15
    # --- S3 events ------------------------------------------------------------------------------------------------
    EVENT_LOST = "1", "the event of an upload is never sent", 0.1, 1.0
    EVENT_DOUBLED = "2", "it is sent twice", 0.2, 1.0
    EVENT_REORDERED = "3", "it comes after that of a later upload"
    EVENT_DELAYED = "4", "it is sent up to an hour late", 0.1, 0.8
    KEY_ENCODED = "5", "the key in it is form-encoded", 0.3, 0.8
    TEST_EVENT = "6", "S3 sends a test event", 0.02, 0.2
    SEVERAL_RECORDS = "7", "one message speaks of several objects", 0.1, 0.8
    EVENT_OF_WHAT_IS_GONE = "8", "the object that it speaks of is gone"
    TWO_WRITES_ONE_EVENT = "9", "two writes at once cause one event", 0.1, 0.8
    # --- uploads --------------------------------------------------------------------------------------------------
    OVERWRITTEN = "10", "another file is put under the key while the first is being transcoded"
    UPLOADED_AGAIN = "11", "another file is put under the key after the first was published"
    MULTIPART = "12", "the upload is completed from parts, and its ETag is no hash of its bytes"
    EMPTY_FILE = "13", "the file has no bytes"
    HOPELESS_FILE = "13a", "the file is no video, as a glance shows"
    URL_USED_LATE = "14", "the signed URL is used after the video was cancelled"
    # --- conditional writes ---------------------------------------------------------------------------------------
    LOST_TO_ITSELF = "15", "412 after a success whose reply was lost, since the SDK tried again by itself", 0.01, 0.15
    WRITE_CONFLICT = "16", "409 when two conditional writes meet", 0.02, 0.3
    CREATED_UNHEARD = "17", "a record is written, and the reply lost"
    SLOW_DOWN = "18", "S3 asks to slow down", 0.01, 0.2
    # --- reads ----------------------------------------------------------------------------------------------------
    OVERTAKEN_READ = "19", "what was read has changed by the time the answer arrives"
    CHANGED_BEFORE_A_GLANCE = "19a", "412: another file was put under the key before it was looked into", 0.02, 0.3
    LISTING_CUT = "20", "the connection breaks in the middle of a listing", 0.02, 0.3
    FORBIDDEN_FOR_MISSING = "21", "403 for what is not there", 0.05, 0.6
    COPY_FAILED_WITH_200 = "22", "a copy answers 200 with an error inside", 0.05, 0.5
    # --- deletions ------------------------------------------------------------------------------------------------
    CHANGED_BEFORE_DELETION = "23", "412: another file was put under the key at the last moment", 0.02, 0.3
    DELETED_UNHEARD = "24", "the raw object is deleted, and the reply lost"
    REMOVED_IN_PART = "24a", "of many objects to be removed some are not", 0.2, 0.8
    WRITTEN_OVER_A_MARKER = "25", "a key whose object was deleted is written to again"
    # --- receiving ------------------------------------------------------------------------------------------------
    RECEIVES_NOTHING = "26", "a receive finds nothing though messages wait", 0.05, 0.6
    RECEIVED_TWICE = "27", "two replicas get the same message within its visibility", 0.02, 0.4
    DELIVERED_AFTER_DELETION = "28", "a deleted message is delivered again", 0.02, 0.4
    POLL_HANGS = "29", "a long poll is never answered", 0.003, 0.05
    KILLED_IN_A_POLL = "30", "the process dies with an open poll, which hides its messages"
    TOO_MANY_IN_FLIGHT = "31", "so many messages are held that SQS falls silent"
    RECEIVE_COUNT_JUMPS = "32", "the receive count of a message rises by five", 0.005, 0.1
    # --- holding --------------------------------------------------------------------------------------------------
    EXTENDED_IN_PART = "33", "a batch of extensions fails in part", 0.02, 0.3
    RECEIPT_EXPIRED = "34", "a message is visible again before it is extended", 0.01, 0.2
    HELD_LONG = "35", "a message comes near the twelve hours for which it may be held"
    EXTENDED_LATE = "36", "an extension takes effect after the message was received by somebody else"
    # --- deleting messages ----------------------------------------------------------------------------------------
    DELETED_IN_PART = "37", "a batch of deletions fails in part", 0.05, 0.5
    STALE_RECEIPT = "38", "a deletion with an old receipt succeeds, and the message stays"
    REDELIVERED = "39", "a message comes again after its visibility ended"
    # --- sending, dead letters ------------------------------------------------------------------------------------
    SENT_TWICE = "40", "a message is sent twice", 0.05, 0.6
    DEAD_LETTER_EXPIRED = "41", "a dead letter expires before anybody looked"
    REDRIVEN_WHILE_RUNNING = "42", "a dead letter is sent back while the job runs"
    REDRIVEN_WHEN_DONE = "43", "a dead letter is sent back when the job is done"
    # --- RunTask --------------------------------------------------------------------------------------------------
    LAUNCH_THROTTLED = "44", "RunTask is throttled", 0.05, 0.4
    THROTTLE_IN_DISGUISE = "45", "a throttle inside another error's message", 0.02, 0.3
    NO_ROOM = "46", "RunTask answers failures[]", 0.1, 0.5
    NO_ROOM_BUT_STARTED = "47", "RunTask answers failures[], and the task starts all the same", 0.05, 0.4
    EMPTY_ANSWER = "48", "RunTask answers neither task nor failure", 0.02, 0.2
    TOKEN_CONFLICT = "49", "RunTask says that the token was used with other parameters", 0.05, 0.4
    QUOTA = "50", "a quota is raised as an error", 0.05, 0.3
    CLUSTER_FULL = "50a", "the cluster has room for three tasks only", 0.1, 0.4
    LAUNCH_DENIED = "51", "RunTask is denied to the service for an hour", 0.002, 0.01
    TOKEN_OUTLIVED = "52", "a launch token expires while its attempt is open"
    STOPPED_STUB = "53", "a repeated RunTask says of a stopped task no more than its ARN"
    # --- looking at tasks -----------------------------------------------------------------------------------------
    VIEW_LAGS = "54", "what ECS tells is up to a quarter of an hour old", 0.1, 1.0
    TASK_MISSING = "55", "a live task is not described", 0.02, 0.3
    STOPPED_FORGOTTEN = "56", "ECS has forgotten a stopped task"
    LISTING_CHANGED = "57", "a task is missing from a listing that changed on the way", 0.05, 0.4
    NO_CONTAINERS = "58", "a task that failed to start lists no container"
    STATUS_BACKWARDS = "59", "a task is described as it was before", 0.05, 0.4
    # --- StopTask -------------------------------------------------------------------------------------------------
    STOP_IGNORED = "60", "a stop has no effect", 0.05, 0.4
    STOPPED_AFTER_SUCCESS = "61", "a task is stopped that had said that it succeeded"
    TAGS_GONE = "62", "a stopped task has lost its tags: none are used, so every stop is such a one"
    STOP_OF_NOTHING = "63", "a task that is gone is asked to stop"
    # --- tasks ----------------------------------------------------------------------------------------------------
    NEVER_STARTS = "64", "a task stays in PROVISIONING", 0.03, 0.3
    STARTS_SLOWLY = "65", "a task provisions for half an hour, or takes twice its time", 0.05, 0.4
    SPOT = "66", "Spot takes the host back", 0.05, 0.4
    FAILS_TO_START = "66a", "a task fails to start: network, image, capacity, throttling", 0.05, 0.3
    HOST_LOST = "66b", "the host is retired, unhealthy, or somebody stops the task by hand", 0.03, 0.3
    OUT_OF_MEMORY = "67", "the kernel kills the container: 137", 0.03, 0.3
    HANGS = "68", "a worker never ends", 0.03, 0.2
    SAYS_NOTHING = "69", "a worker ends with 0 and leaves no Result", 0.03, 0.3
    DIES_AFTER_ITS_RESULT = "70", "a worker leaves its Result and crashes", 0.05, 0.4
    DIES_BEFORE_ITS_RESULT = "70a", "a worker is killed between its outputs and its Result", 0.03, 0.3
    TRUNCATES = "70b", "an output is shorter than its Result says", 0.03, 0.3
    LIES = "70c", "a Result names a size or an output that is not there", 0.03, 0.3
    LOSES_A_SEGMENT = "70g", "an object of a folder was never written", 0.02, 0.2
    CUTS_A_SEGMENT = "70h", "an object of a folder is shorter than its Result says", 0.02, 0.2
    SWAPS_A_SEGMENT = "70i", "an object of a folder has other bytes of the same number", 0.02, 0.2
    ADDS_A_SEGMENT = "70j", "a folder has an object that its Result does not know", 0.02, 0.2
    CRASHES = "70d", "a worker crashes", 0.05, 0.4
    HANGS_AFTER_ITS_RESULT = "70f", "a worker leaves its Result and never ends", 0.03, 0.3
    INTERRUPTED = "70e", "a worker is told to stop by its host, and says so", 0.03, 0.3
    ZOMBIE = "71", "a task cannot be stopped, sees no fence, and finishes after its successor", 0.03, 0.2
    CLOCK_SKEW = "72", "the clocks of hosts disagree by up to five minutes", 0.3, 1.0
    GHOST = "71a", "ECS loses sight of a task that works on for two hours", 0.02, 0.2
    # --- EventBridge ----------------------------------------------------------------------------------------------
    TASK_EVENT_LOST = "73", "a task's event is lost", 0.2, 1.0
    TASK_EVENT_DOUBLED = "74", "a task's event comes twice", 0.2, 1.0
    TASK_EVENT_LATE = "75", "a task's event comes late, after later ones", 0.2, 0.9
    # --- receivers of notices -------------------------------------------------------------------------------------
    NOTICE_REFUSED = "83", "a receiver of notices answers 500", 0.1, 0.6
    NOTICE_TAKEN_IN_SILENCE = "84", "a receiver takes a notice, and its answer never comes", 0.05, 0.4
    # --- processes ------------------------------------------------------------------------------------------------
    TERMINATED = "76", "SIGTERM in the middle of work", 0.02, 0.2
    KILLED_IN_SHUTDOWN = "76a", "SIGKILL during the shutdown", 0.2, 0.8
    KILLED_AT_ANY_AWAIT = "77", "SIGKILL between any two awaits", 0.3, 1.0
    ALL_DOWN = "78", "every replica is down for hours", 0.15, 0.5
    ZONE_LOST = "78a", "and every task is lost with the replicas, as when a zone fails", 0.5, 1.0
    TWO_VERSIONS = "79", "two versions run at once, and one writes records that the other cannot read", 0.1, 0.5
    TEN_DEPLOYMENTS = "79a", "the service is deployed ten times in the time of one job", 0.05, 0.3
    STALLED = "80", "a replica's event loop stands still for 30 s", 0.0005, 0.005
    CLOCK_STEP = "81", "a clock jumps", 0.01, 0.1
    SCALED = "82", "the service is scaled between one replica and five", 0.02, 0.2
    SLOTS_SHRUNK = "82a", "a replica is deployed with fewer slots than jobs are running", 0.02, 0.2
    LOOP_ENDS = "82b", "a loop of a replica ends without a word", 0.002, 0.02
    # --- services -------------------------------------------------------------------------------------------------
    SERVICE_AWAY = "o1", "a service is away for hours while the others live", 0.2, 1.0
    BUCKET_AWAY = "o2", "a bucket cannot be reached for some minutes", 0.1, 0.6
    RAW_REMOVED_BY_HAND = "o4", "a raw object is removed by hand", 0.02, 0.1
    OUTPUT_REMOVED_BY_HAND = "o5", "an object is removed right after it was published, and restored later", 0.01, 0.1
    MESSAGE_EXPIRED = "o6", "a message is older than its queue keeps messages", 0.02, 0.2
    POISON_MESSAGE = "o3", "somebody puts what is no event on the queue", 0.05, 0.3

    @property
    def rated(self) -> bool:
        """Whether it is drawn; the others come about by themselves."""
        return self.normal > 0
