import { expect, test } from '@jest/globals';
import { redisFault, type RedisFaultKind } from './redis-fault.js';

/** As ioredis 5, Node and Redis 7 say them. */
test.each<[RedisFaultKind, string, string?]>([
  ['credentials', 'WRONGPASS invalid username-password pair or user is disabled.'],
  ['credentials', 'NOAUTH Authentication required.'],
  ['permissions', 'NOPERM this user has no permissions to run the \'set\' command'],
  ['full', 'OOM command not allowed when used memory > \'maxmemory\'.'],
  ['full', 'ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > \'maxmemory\'.'],
  ['replica', 'READONLY You can\'t write against a read only replica.'],
  ['replica', 'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)'],
  ['replica', 'NOREPLICAS Not enough good replicas to write.'],
  ['replica', 'MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to \'no\'.'],
  ['loading', 'LOADING Redis is loading the dataset in memory'],
  ['disk', 'MISCONF Redis is configured to save RDB snapshots, but it\'s currently unable to persist to disk.'],
  ['busy', 'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'],
  ['cluster', 'CLUSTERDOWN The cluster is down'],
  ['sentinels', 'All sentinels are unreachable. Retrying from scratch after 100ms. Last error: connect ECONNREFUSED 127.0.0.1:1'],
  ['tls', 'C0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number', 'ERR_SSL_WRONG_VERSION_NUMBER'],
  ['tls', 'self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['tls', 'Hostname/IP does not match certificate\'s altnames', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ['tls', 'Client network socket disconnected before secure TLS connection was established', 'ECONNRESET'],
  ['silent', 'Command timed out'],
  ['silent', 'connect ETIMEDOUT', 'ETIMEDOUT'],
  ['unreachable', '', 'ECONNREFUSED'],
  ['unreachable', 'read ECONNRESET', 'ECONNRESET'],
  ['unreachable', 'Connection is closed.'],
  ['unreachable', 'Command aborted due to connection close'],
  ['unreachable', 'Reached the max retries per request limit (which is 1). Refer to "maxRetriesPerRequest" option for details.'],
  ['unreachable', 'Stream isn\'t writeable and enableOfflineQueue options is false'],
])('%s: %s %s', (kind, message, code = '') => {
  const fault = redisFault(Object.assign(new Error(message), code === '' ? {} : { code }));
  expect(fault).toMatchObject({ kind, sentence: expect.any(String) as unknown });
  expect(fault?.sentence).toContain(code);
});

test.each<[unknown]>([[new Error('ERR value is not an integer or out of range')], [new Error('WRONGTYPE Operation against a key')], [new Error('the BUSYGROUP exists')], ['OOM'], [undefined]])('%p is no fault of Redis', (error) => {
  expect(redisFault(error)).toBeUndefined();
});
