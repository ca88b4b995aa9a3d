//! What a router does not promise, what its policies cost, and what its tests cannot see.
//!
//! # What is not promised
//!
//! * **Order across publishers.** Two threads' events reach an actor in any order, also where one was published after the
//!   other.
//! * **That somebody gets it.** `Routed` says that the event lies in a lane. What becomes of it there, the subscriptions'
//!   counters say.
//! * **Time.** Nothing bounds how long a handler runs, and so how long others on its shard wait.
//! * **That it outlives the process.** What is in lanes and mailboxes is lost when the process aborts, exits, or returns
//!   from `main` with a router in a `static`, which is never dropped: call [`shutdown`](crate::Router::shutdown) there.
//!   After a `fork` the child has none of the threads.
//! * **Even load.** An actor stays on its shard. By default the actors with one filter share a shard, and so do those with
//!   one filter in common: spread those that do much work.
//! * **That `flush` reaches everything.** It waits neither for what handlers publish in answer, nor for what lies in
//!   receivers' and suspended actors' mailboxes. It does wait for lanes that are held because such a mailbox is full and
//!   blocks.
//!
//! # What each overflow policy costs
//!
//! | policy | loses | costs |
//! |---|---|---|
//! | [`Block`](crate::Overflow::Block) | nothing | A full mailbox holds each lane that has an event for it next. All behind that waits, whoever it is for, and publishers wait once their lane is full. A predicate does not help: room is looked for before it is asked. |
//! | [`DropNewest`](crate::Overflow::DropNewest) | what comes last | Least. What is read was published long ago. |
//! | [`DropOldest`](crate::Overflow::DropOldest) | what has waited longest | For receivers and dedicated actors a hand-over by the shard for each event: only one lies ready ahead of them, since those could not be taken back. With a capacity of 1 there may be two. |
//! | [`KeepLatest`](crate::Overflow::KeepLatest) | all but the newest of each topic | A move into the mailbox and a hash look-up for each event, even if the actor keeps up. Up to a lane's worth of what comes together is conflated before it is handled. The order holds for each topic only, and topics that differ in the resource are different. |
//!
//! Whatever the policy, an event that waits is moved out of its lane once, and shared by the mailboxes it waits in. Where
//! several readers on other threads want it, each but the last gets a clone. When the router closes, `Block` takes what is
//! in the lanes beyond its capacity.
//!
//! # Cycles through threads of your own
//!
//! No cycle of actors can deadlock, since their threads do not wait. A thread or a task of yours that reads a
//! [`Receiver`](crate::Receiver) is no such thread. If it publishes what comes back to it, and waits for room while its own
//! mailbox is full under `Block`, it waits for ever. Use [`try_publish`](crate::Publisher::try_publish) there, a mailbox
//! that drops, or a dedicated actor.
//!
//! # Stalls that the detector does not see
//!
//! The detector ([`stall_after`](crate::RouterBuilder::stall_after)) looks at what each shard is in, every 5 to 100 ms. It
//! does not read a clock for each call. So it misses:
//!
//! * calls that are longer than `stall_after`, but by less than the pause between two looks: with the defaults those from 1
//!   to some 10 ms may escape;
//! * many calls that are each short enough, however long they take together;
//! * an actor's last call and its Drop, the Drop of events, and their clones for readers on other threads: nothing is
//!   marked there;
//! * dedicated actors, which are there to take their time, and shards that somebody polls, for which no detector runs.
//!
//! It goes by the clock on the wall. A call whose thread the system has taken off its CPU looks as long as one that
//! computes; and a call is up to 64 events, so 20 µs for each are a stall by default.
//!
//! # When a spinning shard is the wrong choice
//!
//! [`Wait::Spin`](crate::Wait::Spin) never gives its CPU up. With as many spinning shards as CPUs, publishers and
//! everything else wait for the scheduler to interrupt one, which takes milliseconds. In a container it uses up the quota
//! while it does nothing, and is then stopped with everybody in it. On hardware threads that share a core it takes from its
//! neighbour. It keeps the stall detector looking, and a laptop warm.
//!
//! It is right on a machine with CPUs to spare where a wake-up, some tens of microseconds, is too late.
//! [`Wait::Yield`](crate::Wait::Yield) gives the CPU to others but not to the power saving.
//! [`Wait::Park`](crate::Wait::Park) costs the first publisher after a pause a system call.
//!
//! # Elsewhere than on Linux
//!
//! On Linux the side that sleeps pays for the ordering between sleeping and publishing, by `membarrier`; publishers only
//! keep the compiler from reordering. Where the kernel does not offer that (before 4.14, or forbidden by a sandbox: traced
//! as info when a router is built) and on every other system:
//!
//! * a publish to one shard executes two full fences, and one more for each further shard; a shard one for each run. An
//!   event that nobody wants pays none. On a prototype one full fence made a publish 3.7 times as long.
//! * Sleeping, waiting for room and closing become cheaper: a fence, and no interrupt of other CPUs.
//!
//! If `membarrier` is taken away *after* the first router was built, say by a sandbox that is entered late, the process
//! aborts at the next use: without it wake-ups would be lost silently. Enter sandboxes before, or allow it.
//!
//! Elsewhere than on Linux threads cannot be bound to CPUs; each shard that was to be says so in a tracing warning, and
//! runs. The crate needs 64-bit atomics. It has been measured on x86-64 under Linux only.
//!
//! # Limits in numbers
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | shards | 64 | [`BuildError`](crate::BuildError) |
//! | slots of a lane, events in a mailbox | 2^24 each | an error when it is set up |
//! | subscriptions of a router | 2^20, at most 2^30 | [`SubscribeError::TooMany`](crate::SubscribeError::TooMany) |
//! | a name | 256 bytes | [`TopicError::TooLong`](crate::TopicError::TooLong) |
//! | classes of topics, in the process | 2^20 | [`TopicError::TooManyClasses`](crate::TopicError::TooManyClasses) |
//! | text of names, in the process | 64 MiB | [`TopicError::TooMuchText`](crate::TopicError::TooMuchText) |
//! | classes that `Topic::lookup` adds | 2^18 | topics of which nothing is known, for filters without text |
//! | classes that a publisher remembers | 256 | it looks again, as it does when it meets a class first |
//! | spells of [`Suspend::Discard`](crate::Suspend::Discard) whose events still lie in lanes | 64 for a subscription | those of the oldest spell are delivered |
//! | changes of subscriptions that a router tells apart | 2^41 | three years of 20 000 a second |
//!
//! The registry gives nothing back. Names in filters are registered as well, so filters made of ever new text fill it;
//! resources do not. [`registry_stats`](crate::registry_stats) says how full it is. The number of filters in one
//! subscription is not limited, nor is the number of publishers: both are the program's own.
//!
//! # Panics that nobody can contain
//!
//! * With `panic = "abort"` the first one ends the process.
//! * A panic while another unwinds, in a Drop for example, aborts. So does one in a panic hook.
//! * Stack overflow and failed allocations abort; an endless loop keeps its shard for good. Then shutting down names the
//!   thread.
//! * [`OnPanic::Resume`](crate::OnPanic::Resume) keeps the actor in whatever state the panic left it. Locks that it held
//!   are poisoned.
//!
//! Contained but counted nowhere are panics of a reader's waker, of a tracing subscriber, and in the Drop of payloads that a
//! dedicated actor leaves behind.
//!
//! # What the models do not see
//!
//! The lock-free parts are checked with loom, in all schedules of a few threads and a few events. Loom sees what goes
//! through `src/sync.rs`, and not:
//!
//! * the parts that have stand-ins: `arc-swap`, which holds the interest table, is a locked pointer there; `kanal`, which
//!   carries commands, a locked deque; `atomic-waker` loom's own. The models rest on those three keeping their word;
//! * `membarrier`: both halves of the barrier are full fences there, so that the kernel's half does what its manual says is
//!   assumed;
//! * time. A wait with a timeout is a chance for others to run;
//! * the registry of names, thread-locals' bookkeeping and the marks of the stall detector, which use real atomics there;
//! * panics, larger numbers of threads, and what else the tests in `tests/` are for. `shuttle-tests/` runs whole routers with
//!   six threads in random schedules, without looking at orderings.
