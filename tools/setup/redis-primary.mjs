// @ts-check
import { askRedis } from './resp-client.mjs';
import { messageOf, SetupError } from './setup-error.mjs';

const SENTINEL_PORT = 26_379;

/**
 * Where to ask a Redis how it is: the URL itself, or that of the primary one which the Sentinels of a `redis+sentinel://` URL name.
 * @param {string} url as REDIS_URL has it
 * @returns {Promise<string>}
 */
export async function findPrimary(url) {
  if (!url.startsWith('redis+sentinel://')) return url;
  const [, credentials = '', hosts = '', name = '', database = ''] = /^redis\+sentinel:\/\/(?:([^@/]*@))?([^/@]+)\/([^/?#]+)(\/\d+)?$/.exec(url) ?? [];
  if (!name) throw new SetupError('REDIS_URL names no primary Redis.', 'Write it as redis+sentinel://[user:password@]host:port,host:port/<name of the primary>[/database].');
  let last = '';
  for (const host of hosts.split(',')) {
    try {
      const [found] = await askRedis(`redis://${/:\d+$/.test(host) ? host : `${host}:${SENTINEL_PORT}`}`, [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', decodeURIComponent(name)]]);
      if (Array.isArray(found)) return `redis://${credentials}${String(found[0]).includes(':') ? `[${String(found[0])}]` : String(found[0])}:${String(found[1])}${database}`;
      last = `the Sentinel at ${host} knows no primary called ${name}`;
    } catch (error) {
      last = `${host}: ${messageOf(error)}`;
    }
  }
  throw new SetupError(`No Sentinel of REDIS_URL names the primary Redis (${last}).`, 'Start the Sentinels, or correct REDIS_URL; without REDIS_URL a private server is started.');
}
