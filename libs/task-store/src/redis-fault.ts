/** What keeps Redis from serving a command now. It may serve it later: nothing of this is the caller's fault. */
export type RedisFaultKind = 'silent' | 'unreachable' | 'tls' | 'credentials' | 'permissions' | 'full' | 'replica' | 'loading' | 'busy' | 'disk' | 'cluster' | 'sentinels';

/** A fault and a sentence about it for people, which names the mend where it is the operator's. It quotes no command and no password. */
export interface RedisFault {
  kind: RedisFaultKind;
  sentence: string;
}

/** Replies of Redis, by their first word, and what ioredis and Node say without one; the first that matches tells. */
const FAULTS: readonly [pattern: RegExp, kind: RedisFaultKind, sentence: string][] = [
  [/^-?WRONGPASS\b|invalid password/i, 'credentials', 'the user or the password in REDIS_URL is wrong'],
  [/^-?NOAUTH\b/, 'credentials', 'it wants a password, and REDIS_URL has none'],
  [/^-?NOPERM\b/, 'permissions', 'its user may not do what the runner needs; mend: give it the commands and keys by ACL SETUSER'],
  [/\bOOM\b/, 'full', 'it is full (maxmemory) and takes nothing until there is room; mend: raise maxmemory, or shorten EVENT_RETENTION'],
  [/\b(READONLY|UNBLOCKED)\b/, 'replica', 'it takes no writes, being a replica (READONLY); the new primary one is looked for'],
  [/\bNOREPLICAS\b/, 'replica', 'it takes no writes: it has not enough replicas (NOREPLICAS)'],
  [/\bMASTERDOWN\b/, 'replica', 'it is a replica and has lost its primary (MASTERDOWN)'],
  [/\bLOADING\b/, 'loading', 'it is loading its data (LOADING)'],
  [/\bMISCONF\b/, 'disk', 'it takes no writes: it cannot save them to its disk (MISCONF); its log says why'],
  [/\bBUSY\b/, 'busy', 'a script blocks it (BUSY)'],
  [/\b(CLUSTERDOWN|TRYAGAIN)\b/, 'cluster', 'its cluster is not whole (CLUSTERDOWN)'],
  [/sentinels are unreachable/i, 'sentinels', 'no Sentinel names the primary one; look at the addresses and the name in REDIS_URL'],
  [/\b(ERR_SSL|ERR_TLS|EPROTO|SELF_SIGNED|CERT_|UNABLE_TO_(VERIFY|GET)|DEPTH_ZERO)|\b(self[- ]signed certificate|wrong version number|unable to verify|certificate)\b|before secure TLS/i, 'tls', 'TLS fails; mend: rediss:// for a Redis with TLS, redis:// for one without, NODE_EXTRA_CA_CERTS for a certificate of your own'],
  [/timed out|ETIMEDOUT|no answer within/i, 'silent', 'it does not answer in time'],
  [/ECONNREFUSED|ECONNRESET|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|connection is closed|connection close|max retries per request|stream isn't writeable/i, 'unreachable', 'it cannot be reached'],
];

/** What an error says about Redis; undefined where it tells of no fault of its. Pure. */
export function redisFault(error: unknown): RedisFault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  const text = `${error.message} ${code ?? ''}`;
  const found = FAULTS.find(([pattern]) => pattern.test(text));
  if (found !== undefined) return { kind: found[1], sentence: code === undefined ? found[2] : `${found[2]} (${code})` };
  if (error.name === 'MaxRetriesPerRequestError') return { kind: 'unreachable', sentence: 'it cannot be reached' };
  return undefined;
}
