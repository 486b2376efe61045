import type { StopSignals } from './container-engine.port.js';

/** Stops something when a signal says so, with its grace or without; returns what ends the listening. */
export function stopWhenTold({ signal, atOnce }: { signal: AbortSignal; atOnce: StopSignals['atOnce'] | undefined }, graceSeconds: number, stop: (graceSeconds: number) => void): () => void {
  const gently = (): void => stop(graceSeconds);
  const now = (): void => stop(0);
  for (const [told, act] of [[atOnce, now], [signal, gently]] as const) {
    if (told?.aborted === true) {
      act();
      // What is being killed need not be asked.
      if (told === atOnce) return () => undefined;
    } else {
      told?.addEventListener('abort', act, { once: true });
    }
  }
  return () => {
    atOnce?.removeEventListener('abort', now);
    signal.removeEventListener('abort', gently);
  };
}
