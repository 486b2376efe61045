// @ts-check
// The image's HEALTHCHECK: asks the app of this container whether it lives. Its own file because the image has no shell.
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

/**
 * Where the app of this container says that it lives.
 * @param {string} command the container's first process, its words parted by NUL
 * @param {Readonly<Record<string, string | undefined>>} env what that process was told
 * @returns {string | undefined} undefined: no server, such as the cli
 */
export function livenessUrl(command, env) {
  const port = /(^|[/\0])apps\/api\//.test(command) ? env.PORT || '3000' : /(^|[/\0])apps\/worker\//.test(command) ? env.WORKER_PORT || '3001' : undefined;
  if (port === undefined) return undefined;
  const host = env.HOST || '127.0.0.1';
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}/health/live`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const url = livenessUrl(readFileSync('/proc/1/cmdline', 'utf8'), process.env);
  // The time that it may take is the engine's to watch.
  if (url !== undefined) {
    const answer = await fetch(url).catch((/** @type {Error} */ error) => ({ ok: false, status: String(error.cause ?? error) }));
    // The engine keeps what is said for `docker inspect`.
    if (!answer.ok) process.stdout.write(`${url}: ${answer.status}\n`);
    process.exitCode = answer.ok ? 0 : 1;
  }
}
