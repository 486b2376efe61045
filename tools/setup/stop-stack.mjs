// @ts-check
import { Interrupted, messageOf } from './setup-error.mjs';

/**
 * Owns the list of everything this program started. Last started, first stopped; one that fails to stop does not keep
 * the others running. Once stopping has begun nothing new may stay: what is pushed then is stopped at once.
 *
 * @typedef {{ name: string, stop: () => Promise<string | void> | string | void, force?: () => void }} Stoppable
 *   `stop` may return a sentence worth telling; `force` must be synchronous, it also serves when the process exits.
 */
export function createStopStack() {
  /** @type {Stoppable[]} */
  const stack = [];
  /** @type {Promise<void> | undefined} */
  let stopping;

  return {
    /**
     * @param {Stoppable} entry
     * @returns {() => void} takes the entry off again, for what ended by itself
     */
    push(entry) {
      if (stopping) {
        entry.force?.();
        throw new Interrupted();
      }
      stack.push(entry);
      return () => {
        const at = stack.indexOf(entry);
        if (at >= 0) stack.splice(at, 1);
      };
    },
    get stopping() {
      return stopping !== undefined;
    },
    /** @param {(text: string) => void} tell */
    stopAll(tell) {
      stopping ??= (async () => {
        for (let entry = stack.at(-1); entry; entry = stack.at(-1)) {
          try {
            const said = await entry.stop();
            if (said) tell(said);
          } catch (error) {
            tell(`${entry.name} did not stop: ${messageOf(error)}`);
          }
          const at = stack.indexOf(entry);
          if (at >= 0) stack.splice(at, 1);
        }
      })();
      return stopping;
    },
    /** Ends what is left without waiting. */
    forceAll() {
      for (const entry of stack.toReversed()) entry.force?.();
    },
  };
}

/** @typedef {ReturnType<typeof createStopStack>} StopStack */
