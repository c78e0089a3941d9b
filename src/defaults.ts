import { availableParallelism } from 'node:os';

/** Every default and limit of meowctl, each with its unit. */
export const defaults = Object.freeze({
  doorHost: '127.0.0.1',
  doorPort: 3000,
  /** Which server gets the next request, and which requests may go to a second one. */
  balance: 'round-robin' as const,
  retry: 'idempotent' as const,
  /** Processes that a door is made of; with one it has no others. */
  workers: 1,
  maxWorkers: 64,
  adminHost: '127.0.0.1',
  adminPort: 3900,
  /** Connections to the admin listener: beyond that the one that was silent for longest ends. */
  maxAdminConnections: 256,
  /** How often those who look at the page are shown the fleet. */
  overviewMs: 1_000,
  /** Pages that are open at once: one more ends the oldest. */
  maxViewers: 100,
  /** Bytes buffered for one viewer that does not read: beyond that its connection is dropped. */
  maxViewerBytes: 1_024 * 1_024,
  serverHost: '127.0.0.1',
  firstServerPort: 3001,
  /** From a server's port to the one that its program is told. */
  programPortStep: 10_000,
  /** How long an app may take to answer a health check. */
  healthAskMs: 5_000,
  /** How often a server checks its app's health, and how many failures in a row make it unhealthy. */
  healthIntervalMs: 1_500,
  healthFailuresToFail: 3,
  /** How long a program lives that could not bind, while somebody else answers in its place. */
  programSettleMs: 2_000,
  /** How long a program without HTTP must run to count as started: supervisord's `startsecs`. */
  workerReadyMs: 1_000,
  maxSpawnCount: 500,
  /** As package.json says. */
  leastNode: { major: 20, minor: 19 },
  /** What is declared for one app, values and names together. */
  maxEnvBytes: 1_024 * 1_024,
  /** One variable, as `NAME=VALUE` with its end: execve(2), MAX_ARG_STRLEN. */
  maxVariableBytes: 128 * 1_024,
  /** Values of apps that nobody refers to are kept at least so long. */
  envKeepMs: 3_600_000,
  /** What is wanted, but no server has registered for: kept at least so long. */
  pendingKeepMs: 3_600_000,
  upServers: 2,
  /** How long all that `up` starts may take until it is said to be up. */
  upReadyMs: 60_000,
  /** How often `up` looks whether one of another machine still marks the folder. */
  upLookMs: 200,
  /** Whoever holds the lock of `up` says who it is; one that says nothing for so long is stopped. */
  lockAnswerMs: 1_000,
  /** Handing over: to answer (or what was let go is asked back), to pass a socket on, for idle clients, for those where new ones wait. */
  ...{ handOverAnswerMs: 5_000, handOverMs: 30_000, handOverIdleMs: 5_000, activatedIdleMs: 1_000 },
  /** Others that are settling the same state folder get so long to finish. */
  settleOthersMs: 5_000,
  /** A reconciler whose socket is gone binds another one within this. */
  deathSocketMs: 10_000,
  /** A note of what runs here that could not be written, or was removed, is written again this often. */
  runNoteMs: 10_000,

  beatMs: 2_000,
  /** A beat comes this share earlier or later, so that a fleet does not beat in step. */
  beatJitter: 0.1,
  leaseMs: 6_000,
  sweepLostAfterMs: 60_000,
  orderTtlSeconds: 7 * 24 * 3_600,

  /** How often the reconciler looks when nothing changes. */
  reconcileMs: 1_000,
  /** A server that holds a connection open to the reconciler is looked for every so many looks. */
  roundsPerLook: 5,
  /** A server that served for so long ran well: after its first death in a while it is started again at once. */
  ranWellMs: 10_000,
  /** The first wait before a server that died is started again; doubled each time. */
  restartMs: 1_000,
  maxRestartMs: 30_000,
  deathsToCrash: 5,
  crashWindowMs: 60_000,
  /** More deaths than that in the long window: it is started again every `maxRestartMs` at most. */
  deathsToSlow: 10,
  longCrashWindowMs: 600_000,

  readyTimeoutMs: 10_000,
  /** How much longer who started a program waits for the reason why it is not ready. */
  reasonMs: 5_000,
  /** How long a restart waits until every door uses the new server. */
  doorsTakeMs: 10_000,
  /** How many may leave for each that a restart starts: leaving takes some 300 ms even without a request. */
  leavingPerStart: 4,
  drainMs: 30_000,
  drainGraceMs: 6_000,
  termGraceMs: 5_000,
  ackWaitMs: 3_000,
  closeIdleAfterAckMs: 250,
  spawnsInParallel: 2 * availableParallelism(),

  redisConnectMs: 2_000,
  redisCommandMs: 1_000,
  /** All the Redis work of one HTTP request. */
  redisRequestMs: 800,

  doorConnectMs: 1_000,
  responseHeaderMs: 30_000,
  bodyIdleMs: 60_000,
  streamIdleMs: 3_600_000,
  clientHeaderMs: 10_000,
  clientRequestMs: 300_000,
  clientKeepAliveMs: 75_000,
  serverKeepAliveMs: 75_000,
  /** Shorter than the servers' 75 s, so that the door always closes first. */
  doorIdleMs: 15_000,
  handshakeMs: 10_000,
  maxInflight: 512,
  /** A door's limit for heads, those of requests and of answers; its target alone may be as long. */
  maxHeaderBytes: 16 * 1_024,
  leastHeaderBytes: 1_024,
  mostHeaderBytes: 128 * 1_024,
  /** Servers take whatever any door lets through, and the lines that it adds. */
  serverHeaderBytes: 132 * 1_024,
  maxHeaderLines: 100,
  /** Requests at once on one connection of HTTP/2. */
  maxStreams: 100,
  /** 1xx answers of one server to one request before it is called broken. */
  maxInterimAnswers: 100,
  /** How often the door looks for requests that wait too long: the grain of its timeouts. */
  doorWatchMs: 250,
  /** How long a refused client gets to close by itself. */
  lingerMs: 1_000,
  /** After an answer that came before its request was in, the rest is read: pauses up to this, */
  lingerIdleMs: 5_000,
  /** and no longer than this in all. */
  maxLingerMs: 30_000,
  /** A server that ignores `Expect: 100-continue` gets the body after this. */
  expectWaitMs: 1_000,
  /** WebSockets and event streams of a server that leaves go on for so long. */
  streamDrainMs: 5_000,
  /** A WebSocket gets this long to close. */
  upgradeCloseMs: 1_000,
  maxPoolServers: 1_000,
  /** Requests that failed or were tried again, which a door remembers. */
  maxRequestNotes: 1_000,
  /** What a door has counted of a server that has left its pool is told apart for so long. */
  figuresKeepMs: 300_000,
  retries: 2,
  retryWindowMs: 5_000,
  retryShare: 0.2,
  retryFloor: 3,
  poisonWindowMs: 60_000,
  /** Targets that servers die of, and as many that may be. */
  maxPoison: 1_000,

  ...{ registryReadMs: 1_000, recordKeepMs: 20, hostRecordKeepMs: 50, rosterKeepMs: 5 },
  probeMs: 500,
  probeTimeoutMs: 1_000,
  /** Failed health checks in a row that eject a server from a door's rotation, and good ones that readmit it. */
  probeFailuresToEject: 3,
  probesToReadmit: 2,
  /** A server whose last beat is older than that is asked whether it lives, while its lease runs on. */
  lateBeatMs: 3_000,
  resetsToEject: 3,
  resetWindowMs: 10_000,

  message: 'this message will self-destruct in 10 seconds',
  messageKey: 'message',
  messageTtlSeconds: 10,
  maxTtlSeconds: 86_400,
  maxMessageBytes: 4 * 1_024,
  recentVisits: 5,
  maxVisitBytes: 2 * 1_024,

  maxPictureBytes: 10 * 1_024 * 1_024,
  maxPicturesPerUpload: 10,
  maxUploadBytes: 32 * 1_024 * 1_024,
  /** Bytes of all uploads of one server that are not queued yet: in memory, and beyond that in files. */
  maxUploadMemoryBytes: 64 * 1_024 * 1_024,
  maxSpoolBytes: 512 * 1_024 * 1_024,
  maxPicturePixels: 40_000_000,
  maxQueuedPictures: 100,
  maxQueuedBytes: 256 * 1_024 * 1_024,
  deliveryMs: 30_000,

  /** The log of each server: this many files of this size, the newest among them. */
  logMaxBytes: 10 * 1_024 * 1_024,
  logFiles: 5,
  /** A longer line is stored as several. */
  logMaxLineBytes: 256 * 1_024,
  /** What went past the log, straight to stdout's and stderr's descriptors: a crash, native code. */
  rawLogMaxBytes: 1_024 * 1_024,
  /** The log of a server that is gone. */
  logKeepMs: 7 * 24 * 3_600_000,
  /** A server that says nothing marks its log as in use this often. */
  logTouchMs: 3_600_000,
  logPollMs: 200,
  logLines: 100,
  eventLines: 50,

  localRedisPort: 16_379,
  /** How many ports it tries, from that one on. */
  localRedisPorts: 100,
  /** A local Redis answers at once, or it is busy; waiting longer helps nobody. */
  localRedisAnswerMs: 400,
  /** What accepts a connection and says nothing for so long is not a Redis that is just starting. */
  localRedisSilentMs: 3_000,
  localRedisStopMs: 10_000,
  /** How often `up` looks whether its local Redis has ended. */
  localRedisLookMs: 1_000,
  redisProbeUrl: 'redis://127.0.0.1:6379',
  namespace: 'meow',

  /** How long a terminal gets to say what it can draw. */
  terminalAnswerMs: 200,
  /** A terminal that said nothing by then may still be answering: waited for, so that the shell gets none of it. */
  terminalLateMs: 1_000,
  /** To decode one frame of a picture that is drawn. */
  drawFrameMs: 20_000,
  /** A picture that moves is played once, and for no longer than that. */
  drawFilmMs: 60_000,
});
