import { isLoopback } from '../config/loopback.js';

/**
 * Whether a connection with this Origin header may come in. CORS does not guard WebSocket, so this is asked for every
 * handshake: otherwise any web page that the user opens could speak to an api on this machine.
 * Programs send no Origin; only browsers do.
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[] | undefined): boolean {
  if (origin === undefined) return true;
  if (allowed !== undefined) return allowed.includes(origin);
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname);
}
